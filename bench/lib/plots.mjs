// SPDX-License-Identifier: Apache-2.0
// The plots of a run, as SVG: throughput, latency, memory of a vat, restart time against state size.
import { writeFileSync } from 'node:fs';

import { WRITE } from './figures.mjs';
import { PEERS } from './peers.mjs';
import { circle, document, line, logScale, polyline, rectangle, text } from './svg.mjs';

const COLOURS = {
  vatd: '#0b6e4f',
  'vatd-socket': '#6bbf9c',
  'vatd@tmpfs': '#2f9e75',
  'swingset-local': '#d9822b',
  'swingset-xsnap': '#f0b86e',
  typescript: '#3b6fb6',
  'typescript@disk': '#9db9e0',
};

const WIDTH = 860;
const LEFT = 190;
const RIGHT = 120; // room for the value beside the longest bar
const ROW = 17;
const BLOCK = 12;
const TOP = 112;

const figureOf = (record, peer, name) => {
  const [workload, figure] = name.split('.');
  return record.results[workload]?.[peer]?.figures[figure];
};

/** Peers with at least one of the figures, in the order in which they are listed. */
const peersWith = (record, names) => Object.keys(PEERS).filter(peer => names.some(name => figureOf(record, peer, name)));

const heading = (title, subtitle) => [
  text(20, 32, title, { size: 19, weight: 'bold' }),
  text(20, 54, subtitle, { size: 12, fill: '#555' }),
];

const legend = peers => {
  const perRow = 4;
  return peers.flatMap((peer, at) => {
    const x = 20 + (at % perRow) * 205;
    const y = 66 + Math.floor(at / perRow) * 17;
    return [rectangle(x, y, 12, 12, COLOURS[peer]), text(x + 17, y + 10, PEERS[peer].label, { size: 11 })];
  });
};

const verticalGrid = (scale, kind, top, bottom) =>
  scale.ticks.flatMap(tick => [
    line(scale.at(tick), top, scale.at(tick), bottom),
    text(scale.at(tick), bottom + 16, WRITE[kind](tick), { size: 10, anchor: 'middle', fill: '#555' }),
  ]);

/**
 * Rows in blocks: one block for each measure, one row for each peer. `draw(peer, name, y)` gives a row's elements, or undefined
 * when there is nothing to draw.
 */
const blocks = (record, title, subtitle, measures, kind, values, draw) => {
  const peers = peersWith(record, measures.map(([name]) => name));
  if (peers.length === 0) {
    return undefined;
  }
  const scale = logScale(values(peers), LEFT, WIDTH - RIGHT);
  const parts = [];
  let y = TOP;
  for (const [name, label] of measures) {
    const rows = peers.map(peer => [peer, figureOf(record, peer, name)]).filter(([, figure]) => figure);
    parts.push(text(LEFT - 12, y + (rows.length * ROW) / 2 + 4, label, { anchor: 'end' }));
    for (const [peer, figure] of rows) {
      parts.push(...draw({ peer, name, figure, scale, y }));
      y += ROW;
    }
    y += BLOCK;
  }
  const grid = verticalGrid(scale, kind, TOP - 6, y);
  return document(WIDTH, y + 34, [...heading(title, subtitle), ...legend(peers), ...grid, ...parts]);
};

const bar = kind => ({ peer, figure, scale, y }) => {
  const start = scale.at(scale.ticks[0]);
  const end = scale.at(figure.median);
  const least = figure.min > 0 ? scale.at(figure.min) : start;
  return [
    rectangle(start, y, end - start, ROW - 4, COLOURS[peer]),
    line(least, y + (ROW - 4) / 2, scale.at(figure.max), y + (ROW - 4) / 2, { stroke: '#222' }),
    text(Math.max(end, scale.at(figure.max)) + 6, y + 11, WRITE[kind](figure.median), { size: 11 }),
  ];
};

const bars = (record, title, subtitle, measures, kind) => {
  const values = peers =>
    peers.flatMap(peer =>
      measures.flatMap(([name]) => {
        const figure = figureOf(record, peer, name);
        return figure ? [figure.median, figure.max, ...(figure.min > 0 ? [figure.min] : [])] : [];
      }),
    );
  return blocks(record, title, subtitle, measures, kind, values, bar(kind));
};

const throughput = record =>
  bars(
    record,
    'Throughput',
    'messages, round trips, deliveries per second; logarithmic; more is better; the thin line is minimum to maximum',
    [
      ['W1.awaited', 'W1 set, awaited'],
      ['W1.windowed', 'W1 set, 32 in flight'],
      ['W1.queued', 'W1 set, all at once'],
      ['W1p.queued', 'W1p set, 8 vats'],
      ['W2.single', 'W2 vat to vat'],
      ['W2.windowed', 'W2, 32 in flight'],
      ['W2.queued', 'W2, all at once'],
      ['W6.windowed', 'W6 mainnet mix'],
      ['W7.deliveries', 'W7 broadcast'],
    ],
    'rate',
  );

const memory = record =>
  bars(
    record,
    'Memory',
    'proportional set size of the whole process tree; logarithmic; less is better',
    [
      ['W3.emptyMemory', 'kernel without vats'],
      ['W3.firstMemory', 'the first vat'],
      ['W3.vatMemory', 'one of those after'],
    ],
    'size',
  );

const latency = record => {
  const measures = [
    ['W1.awaitedP50', 'W1 set, awaited'],
    ['W1.windowedP50', 'W1, 32 in flight'],
    ['W1p.awaitedP50', 'W1p, 8 in flight'],
    ['W6.awaitedP50', 'W6 a trade'],
    ['W5.wakeP50', 'W5 wake'],
    ['W5h.wakeP50', 'W5h wake'],
  ];
  const worst = (peer, name) => figureOf(record, peer, name.replace('P50', 'P99'));
  const values = peers =>
    peers.flatMap(peer =>
      measures.flatMap(([name]) => {
        const figure = figureOf(record, peer, name);
        return figure ? [figure.median, worst(peer, name).median] : [];
      }),
    );
  const draw = ({ peer, name, figure, scale, y }) => {
    const from = scale.at(figure.median);
    const { median } = worst(peer, name);
    const to = scale.at(median);
    const middle = y + (ROW - 4) / 2;
    return [
      line(from, middle, to, middle, { stroke: COLOURS[peer], width: 3 }),
      circle(from, middle, 4.5, COLOURS[peer]),
      circle(to, middle, 4.5, '#fff', COLOURS[peer]),
      text(to + 9, y + 11, `${WRITE.time(figure.median)} - ${WRITE.time(median)}`, { size: 11 }),
    ];
  };
  const subtitle = 'from the median (filled) to the 99th percentile (hollow); logarithmic; less is better';
  return blocks(record, 'Latency', subtitle, measures, 'time', values, draw);
};

const restartPoints = (record, peer) =>
  Object.entries(record.results.W4?.[peer]?.figures ?? {})
    .map(([name, { median }]) => [/^firstAnswer@(\d+)$/.exec(name)?.[1], median])
    .filter(([keys]) => keys)
    .map(([keys, seconds]) => [Number(keys), seconds])
    .sort(([a], [b]) => a - b);

const restart = record => {
  const peers = Object.keys(PEERS).filter(peer => restartPoints(record, peer).length > 0);
  const points = peers.flatMap(peer => restartPoints(record, peer));
  if (points.length === 0) {
    return undefined;
  }
  const bottom = 470;
  const x = logScale(points.map(([keys]) => keys), 90, WIDTH - RIGHT);
  const y = logScale(points.map(([, seconds]) => seconds), bottom, TOP);
  const grid = y.ticks.flatMap(tick => [
    line(90, y.at(tick), WIDTH - RIGHT, y.at(tick)),
    text(82, y.at(tick) + 4, WRITE.time(tick), { size: 10, anchor: 'end', fill: '#555' }),
  ]);
  const under = x.ticks.flatMap(tick => [
    line(x.at(tick), TOP, x.at(tick), bottom),
    text(x.at(tick), bottom + 16, tick.toLocaleString('en-US'), { size: 10, anchor: 'middle', fill: '#555' }),
  ]);
  const lines = peers.map(peer => {
    const found = restartPoints(record, peer);
    return { peer, places: found.map(([keys, seconds]) => [x.at(keys), y.at(seconds)]), last: WRITE.time(found.at(-1)[1]) };
  });
  const drawn = lines.flatMap(({ peer, places }) => [
    polyline(places, COLOURS[peer]),
    ...places.map(([px, py]) => circle(px, py, 4, COLOURS[peer])),
  ]);
  let above = 0;
  for (const { places, last } of lines.sort((one, other) => one.places.at(-1)[1] - other.places.at(-1)[1])) {
    const [px, py] = places.at(-1);
    above = Math.max(py + 4, above + 12); // labels do not lie on each other
    drawn.push(text(px + 9, above, last, { size: 11 }));
  }
  return document(WIDTH, bottom + 50, [
    ...heading('Restart', 'process start to the first answer of a vat; both axes logarithmic; less is better'),
    ...legend(peers),
    ...grid,
    ...under,
    ...drawn,
    text((90 + WIDTH - RIGHT) / 2, bottom + 38, "keys in the vat's storage", { size: 12, anchor: 'middle' }),
  ]);
};

/** Writes BASE-throughput.svg and so on, those for which the run has figures. */
export const writePlots = (record, base) => {
  for (const [name, draw] of Object.entries({ throughput, latency, memory, restart })) {
    const drawing = draw(record);
    if (drawing) {
      writeFileSync(`${base}-${name}.svg`, drawing);
    }
  }
};
