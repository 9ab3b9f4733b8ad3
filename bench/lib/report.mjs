// SPDX-License-Identifier: Apache-2.0
// The tables on the terminal.
import process from 'node:process';

import { barLines } from './bars.mjs';
import { FIGURES, WRITE } from './figures.mjs';
import { PEERS } from './peers.mjs';

const print = text => process.stdout.write(`${text}\n`);

const table = rows => {
  const widths = rows[0].map((_cell, column) => Math.max(...rows.map(row => row[column].length)));
  for (const row of rows) {
    print(row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join('   ').trimEnd());
  }
};

const cell = (figure, kind) => {
  if (!figure) {
    return '-';
  }
  const { median, min, max, rounds } = figure;
  const write = WRITE[kind];
  return rounds > 1 ? `${write(median)} (${write(min)} - ${write(max)})` : write(median);
};

const printWorkload = (workload, peers) => {
  const { title, figures } = FIGURES[workload];
  const names = Object.keys(peers);
  print(`\n${title}`);
  const rows = figures
    .filter(([name]) => names.some(peer => peers[peer].figures[name]))
    .map(([name, text, kind]) => [`  ${text}`, ...names.map(peer => cell(peers[peer].figures[name], kind))]);
  const answers = ['  an answer is', ...names.map(peer => PEERS[peer].answers)];
  table([['', ...names.map(peer => PEERS[peer].label)], answers, ...rows]);
  for (const peer of names) {
    for (const error of peers[peer].errors) {
      print(`  ${PEERS[peer].label}: ${error}`);
    }
  }
};

const LIMITS = {
  walFull: 'one-row transactions, WAL + FULL',
  walNormal: 'one-row transactions, WAL + NORMAL',
  rollbackFull: 'one-row transactions, rollback journal + FULL',
  fsync: 'append of 4 KiB + fsync',
  fdatasync: 'append of 4 KiB + fdatasync',
  sameCore: 'socketpair round trip of 200 bytes, same core',
  acrossCores: 'socketpair round trip of 200 bytes, across cores',
  xsSet: 'deliveries of W1 in the bare engine',
  xsPing: 'deliveries of an empty method in the bare engine',
};

const printLimits = limits => {
  print('\nLimits of this machine, before and after the run');
  table(Object.entries(LIMITS).filter(([name]) => limits[name]).map(([name, text]) => [`  ${text}`, cell(limits[name], 'rate')]));
};

const printBars = lines => {
  print('\nWhat vatd has to reach (issue 5)');
  const rows = lines.map(({ title, against, ours, theirs, measured, bar, met }) => [
    `  ${title}`,
    against,
    ours,
    theirs,
    measured,
    bar,
    met ? 'met' : 'NOT MET',
  ]);
  table([['', 'against', 'vatd', 'other', 'measured', 'bar', ''], ...rows]);
};

export const printReport = record => {
  const { limits, results, options, skipped } = record;
  for (const [workload, peers] of Object.entries(results)) {
    printWorkload(workload, peers);
  }
  printLimits(limits);
  const lines = barLines(record);
  if (lines.length > 0) {
    printBars(lines);
  }
  if (results.W1?.typescript || results.W1?.['typescript@disk']) {
    print('\nTypeScript 0.5.0 answers before it commits: what it answered is lost when it is killed. On tmpfs, where durability is');
    print('free, the comparison is fair; its figures on disk are not. "A, scaled": bench/README.md.');
  }
  for (const [peer, why] of Object.entries(skipped)) {
    print(`\n${PEERS[peer].label} was skipped: ${why}`);
  }
  if (options.size.length > 0) {
    print(`\nSizes other than usual: ${options.size.join(' ')}`);
  }
  if (options.quick) {
    print('\nA quick run: it shows that the benchmark works. Its figures mean nothing.');
  }
};
