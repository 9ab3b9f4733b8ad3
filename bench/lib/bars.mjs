// SPDX-License-Identifier: Apache-2.0
// What vatd has to reach, and whether it does: ratios within this run.
//
// Release A of the TypeScript kernel (its source after 0.5.0), which commits before it answers, is not on npm. Its figures of
// an earlier day on the reference machine are *scaled*: those that the disk limits by the rollback+FULL transactions that
// the machine made then and makes now, those that the processor limits by what release 0.5.0 took then and takes now.
import { MORE_IS_BETTER, WRITE } from './figures.mjs';

const THEN = {
  rollbackFull: 963,
  'W1.awaited': 81.5,
  'W1.queued': 360,
  'W1p.queued': 360, // not measured: that kernel has one crank at a time, so it is W1's
  'W2.single': 179,
  'W2.queued': 206,
  'W3.launch': 17.8 / 20,
  'W3.vatMemory': 39 * 2 ** 20,
  'W3.emptyStart': 0.051,
  'W4.firstAnswer@100000': 2.42,
};
const THEN_OF_0_5_0 = { 'W3.launch': 6 / 20, 'W3.emptyStart': 0.048, 'W4.firstAnswer@100000': 1.16 };

const median = (record, peer, name) => {
  const [workload, figure] = name.split('.');
  return record.results[workload]?.[peer]?.figures[figure]?.median;
};

const scaled = (record, name) => {
  if (name === 'W3.vatMemory') {
    return THEN[name]; // does not depend on the machine's speed
  }
  if (THEN_OF_0_5_0[name]) {
    const now = median(record, 'typescript', name);
    return now && (THEN[name] * now) / THEN_OF_0_5_0[name];
  }
  const now = record.limits.rollbackFull?.median;
  return now && (THEN[name] * now) / THEN.rollbackFull;
};

const A = 'A, scaled';
const OTHERS = {
  A: { label: `TypeScript ${A}`, vatd: 'vatd', value: scaled },
  typescript: { label: 'TypeScript 0.5.0', vatd: 'vatd@tmpfs', value: (record, name) => median(record, 'typescript', name) },
  local: { label: 'SwingSet local', vatd: 'vatd', value: (record, name) => median(record, 'swingset-local', name) },
  xsnap: { label: 'SwingSet xsnap', vatd: 'vatd', value: (record, name) => median(record, 'swingset-xsnap', name) },
};

// [figure, title, kind, {peer: times better}, figure of the peer if it is another one]
const RATIOS = [
  ['W1.awaited', 'W1 awaited', 'rate', { A: 20, typescript: 3.5, local: 4, xsnap: 8 }],
  ['W1.queued', 'W1 all at once', 'rate', { A: 8, typescript: 3.5, local: 4, xsnap: 10 }],
  ['W1p.queued', 'W1p 8 vats', 'rate', { A: 12, local: 6, xsnap: 15 }],
  ['W2.single', 'W2 one by one', 'rate', { A: 8, typescript: 4, local: 3, xsnap: 12 }],
  ['W2.queued', 'W2 2,000 in flight', 'rate', { A: 8, typescript: 4, local: 3, xsnap: 12 }],
  ['W3.launch', 'W3 launch', 'time', { A: 45, typescript: 15, local: 2, xsnap: 30 }],
  ['W3.vatMemory', 'W3 memory per vat', 'size', { A: 12, typescript: 12, xsnap: 6 }],
  ['W4.firstAnswer@100000', 'W4 restart, 100,000 keys', 'time', { A: 40, typescript: 19, local: 200, xsnap: 40 }],
  ['W4.rested@100000', 'W4 after an orderly end, 100,000 keys', 'time', { xsnap: 40 }, 'W4.firstAnswer@100000'],
  ['W3.emptyStart', 'empty kernel, start', 'time', { A: 3, typescript: 3, local: 25, xsnap: 70 }],
];

const share = (figure, limit) => record => {
  const value = median(record, 'vatd', figure);
  const most = typeof limit === 'function' ? limit(record) : record.limits[limit]?.median;
  return value && most && { value, other: most, ratio: value / most };
};

// What the machine allows: [title, of what, function of the record, at least]
const SHARES = [
  ['W1 awaited', 'one-row WAL+FULL transactions', share('W1.awaited', 'walFull'), 0.35],
  ['W1 all at once', 'raw XS deliveries', share('W1.queued', 'xsSet'), 0.8],
  ['W1p 8 vats, one message each', 'W1 awaited', share('W1p.awaited', record => median(record, 'vatd', 'W1.awaited')), 1.7],
  ['W1p 8 vats', 'W1 all at once', share('W1p.queued', record => median(record, 'vatd', 'W1.queued')), 1.7],
];

// How much later the first answer comes with more state: [figure, figure with less state, title, at most]
const GROWTH = [
  ['W4.firstAnswer@100000', 'W4.firstAnswer@1000', 'W4 restart, 100,000 keys', 1.2],
  ['W4.firstAnswer@1000000', 'W4.firstAnswer@1000', 'W4 restart, 1,000,000 keys', 1.2],
];

// [figure, title, kind, at most]
const BOUNDS = [
  ['W3.launch', 'W3 launch, sandboxed', 'time', 0.02],
  ['W3.vatMemory', 'W3 memory per idle vat', 'size', 7e6],
  ['W3.emptyStart', 'empty kernel, start', 'time', 0.015],
  ['W3.emptyMemory', 'empty kernel, memory', 'size', 10e6],
  ['W5.activeMemory', 'W5 daemon and active workers', 'size', 1.5e9],
  ['W5.wakeP50', 'W5 wake', 'time', 0.025],
  ['W5h.wakeP50', 'W5h wake', 'time', 0.025],
];

const ratioLines = record =>
  RATIOS.flatMap(([figure, title, kind, bars, theirFigure = figure]) =>
    Object.entries(bars).map(([name, bar]) => {
      const other = OTHERS[name];
      const ours = median(record, other.vatd, figure);
      const theirs = other.value(record, theirFigure);
      const ratio = ours && theirs && (MORE_IS_BETTER[kind] ? ours / theirs : theirs / ours);
      return {
        title,
        against: other.label,
        ours: ours && WRITE[kind](ours),
        theirs: theirs && WRITE[kind](theirs),
        measured: ratio && `${ratio.toPrecision(3)}x`,
        bar: `>= ${bar}x`,
        met: ratio && ratio >= bar,
      };
    }),
  );

const shareLines = record =>
  SHARES.map(([title, against, of, bar]) => {
    const found = of(record);
    return {
      title,
      against,
      ours: found && WRITE.rate(found.value),
      theirs: found && WRITE.rate(found.other),
      measured: found && `${found.ratio.toPrecision(3)}x`,
      bar: `>= ${bar}x`,
      met: found && found.ratio >= bar,
    };
  });

const growthLines = record =>
  GROWTH.map(([figure, base, title, bar]) => {
    const ours = median(record, 'vatd', figure);
    const least = median(record, 'vatd', base);
    const ratio = ours && least && ours / least;
    return {
      title,
      against: '1,000 keys',
      ours: ours && WRITE.time(ours),
      theirs: least && WRITE.time(least),
      measured: ratio && `${ratio.toPrecision(3)}x`,
      bar: `<= ${bar}x`,
      met: ratio && ratio <= bar,
    };
  });

const boundLines = record =>
  BOUNDS.map(([figure, title, kind, bar]) => {
    const ours = median(record, 'vatd', figure);
    return {
      title,
      against: '-',
      ours: ours && WRITE[kind](ours),
      theirs: '-',
      measured: ours && WRITE[kind](ours),
      bar: `<= ${WRITE[kind](bar)}`,
      met: ours && ours <= bar,
    };
  });

/** Comparisons for which this run has the figures. */
export const barLines = record =>
  [...ratioLines(record), ...shareLines(record), ...growthLines(record), ...boundLines(record)].filter(line => line.measured !== undefined);
