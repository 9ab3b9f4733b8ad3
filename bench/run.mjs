// SPDX-License-Identifier: Apache-2.0
// The benchmark: node bench/run.mjs [--help]. README.md says what it measures, and how to read it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { makeBundles } from './lib/bundles.mjs';
import { Driver, NotFinished } from './lib/driver.mjs';
import { probe } from './lib/limits.mjs';
import { missingFor, PEERS } from './lib/peers.mjs';
import { writePlots } from './lib/plots.mjs';
import { progress, say } from './lib/progress.mjs';
import { printReport } from './lib/report.mjs';
import { sizesFor } from './lib/sizes.mjs';
import { summarize } from './lib/summary.mjs';
import * as workloads from './lib/workloads.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const build = path.join(root, 'build/release');

const ON_DISK = ['vatd', 'vatd-socket', 'swingset-local', 'swingset-xsnap', 'typescript@disk'];
const IN_MEMORY = ['vatd@tmpfs', 'typescript'];
const ISOLATED = ['vatd', 'swingset-local', 'swingset-xsnap', ...IN_MEMORY];
const WORKLOADS = {
  W1: { peers: [...ON_DISK, ...IN_MEMORY], run: workloads.w1 },
  W1p: { peers: ISOLATED, run: workloads.w1p },
  W2: { peers: ISOLATED, run: workloads.w2 },
  W3: { peers: ISOLATED, run: workloads.w3 },
  W4: { peers: ISOLATED, prepare: true },
  W5: { peers: ['vatd'], prepare: true },
  W6: { peers: ISOLATED, run: workloads.w6 },
  W7: { peers: ISOLATED, run: workloads.w7 },
};

const HELP = `usage: node bench/run.mjs [options]      (make bench builds what it needs first)

  --quick              a smoke run of about two minutes: the figures mean nothing
  --only W1,W2         these workloads: ${Object.keys(WORKLOADS).join(' ')}
  --peers vatd,…       these peers: ${Object.keys(PEERS).join(' ')}
  --rounds N           how often each measurement is made, interleaved (3)
  --size w1.keys=1000  a size, see lib/sizes.mjs; may be given several times
  --limit S            seconds for one answer of a kernel (300)
  --out DIR            where results go (bench/results)
  --expect-wrong       negative control: expect other answers than the right ones. It must fail
`;

const commaList = text => text?.split(',').filter(Boolean);

const readOptions = () => {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      peers: { type: 'string' },
      rounds: { type: 'string' },
      size: { type: 'string', multiple: true, default: [] },
      limit: { type: 'string', default: '300' },
      out: { type: 'string', default: path.join(root, 'bench/results') },
      'expect-wrong': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const only = commaList(values.only) ?? Object.keys(WORKLOADS);
  const peers = commaList(values.peers) ?? Object.keys(PEERS);
  const unknown = [...only.filter(name => !WORKLOADS[name]), ...peers.filter(name => !PEERS[name])];
  if (unknown.length > 0) {
    throw Error(`no such workload or peer: ${unknown.join(', ')}`);
  }
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  return { ...values, only, peers, rounds, limit: Number(values.limit), expectWrong: values['expect-wrong'] };
};

/** Places for databases, one for each medium. */
const makePlaces = () => {
  const base = path.join(root, 'build/bench');
  mkdirSync(base, { recursive: true });
  return { disk: mkdtempSync(path.join(base, 'run-')), tmpfs: mkdtempSync('/dev/shm/vatd-bench-') };
};

const expectFor = wrong => (actual, expected, what) => {
  if ((actual === expected) === wrong) {
    throw Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
  }
};

/** What a workload is given for one measurement on one peer. */
const makeBench = (run, name, database) => {
  const peer = PEERS[name];
  const drivers = [];
  return {
    database: path.join(run.places[peer.medium], database),
    sizes: sizesFor(peer.speed, run.options.quick, run.options.size),
    expect: expectFor(run.options.expectWrong),
    progress: text => progress(`${database}: ${text}`),
    rest: seconds => new Promise(resolve => setTimeout(resolve, seconds * 1000)),
    bundle: vat => path.join(run.bundles, `${vat}.bundle`),
    start: async () => {
      const env = { VATD_PROGRAMS: build, BENCH_BUNDLES: run.bundles, NODE_NO_WARNINGS: '1' };
      const driver = new Driver(name, peer.command(root), env, run.options.limit);
      drivers.push(driver);
      await driver.started();
      return driver;
    },
    end: () => Promise.all(drivers.map(driver => driver.stop())),
  };
};

const withBench = async (run, workload, name, database, work) => {
  const result = (run.results[workload][name] ??= { rounds: [], errors: [] });
  const bench = makeBench(run, name, database);
  try {
    return await work(bench);
  } catch (error) {
    result.errors.push(error.message);
    run.failed ||= !(error instanceof NotFinished);
    say(`${workload} ${name}: ${error.message}`);
    return undefined;
  } finally {
    await bench.end();
  }
};

/** Each round has every peer once: A B A B. */
const runRounds = async (run, workload, measure) => {
  for (let round = 0; round < run.options.rounds; round += 1) {
    for (const name of run.peersOf(workload)) {
      progress(`${workload} ${name}, round ${round + 1} of ${run.options.rounds}`);
      await measure(name, round);
    }
  }
};

const runSimple = (run, workload) =>
  runRounds(run, workload, async (name, round) => {
    const database = `${workload}-${name}-${round}`;
    const figures = await withBench(run, workload, name, database, WORKLOADS[workload].run);
    if (figures) {
      run.results[workload][name].rounds.push(figures);
    }
    rmSync(path.join(run.places[PEERS[name].medium], database), { recursive: true, force: true });
  });

const runW4 = async run => {
  const prepared = new Map();
  for (const name of run.peersOf('W4')) {
    for (const keys of sizesFor(PEERS[name].speed, run.options.quick, run.options.size).w4.keys) {
      progress(`W4 ${name}: loading ${keys} keys`);
      const database = `W4-${name}-${keys}`;
      const vat = await withBench(run, 'W4', name, database, bench => workloads.prepareW4(bench, keys));
      if (vat) {
        prepared.set(database, { name, keys, vat });
      }
    }
  }
  await runRounds(run, 'W4', async name => {
    const figures = {};
    for (const [database, { keys, vat }] of [...prepared].filter(([, one]) => one.name === name)) {
      const restarted = await withBench(run, 'W4', name, database, bench => workloads.restartW4(bench, keys, vat));
      for (const [figure, value] of Object.entries(restarted ?? {})) {
        figures[`${figure}@${keys}`] = value;
      }
    }
    run.results.W4[name].rounds.push(figures);
  });
};

const runW5 = async run => {
  const prepared = new Map();
  for (const name of run.peersOf('W5')) {
    progress(`W5 ${name}: launching`);
    prepared.set(name, await withBench(run, 'W5', name, `W5-${name}`, workloads.prepareW5));
  }
  await runRounds(run, 'W5', async (name, round) => {
    const vats = prepared.get(name);
    const figures =
      vats && (await withBench(run, 'W5', name, `W5-${name}`, bench => workloads.activeW5(bench, vats, round)));
    if (figures) {
      run.results.W5[name].rounds.push(figures);
    }
  });
};

const runAll = async run => {
  for (const workload of run.options.only) {
    run.results[workload] = {};
    await { W4: runW4, W5: runW5 }[workload]?.(run);
    if (WORKLOADS[workload].run) {
      await runSimple(run, workload);
    }
  }
};

const machine = () => ({
  cores: os.cpus().length,
  processor: os.cpus()[0]?.model,
  memory: os.totalmem(),
  kernel: os.release(),
  node: process.version,
});

const writeResults = (run, limits) => {
  const results = Object.fromEntries(
    Object.entries(run.results).map(([workload, peers]) => [
      workload,
      Object.fromEntries(
        Object.entries(peers).map(([name, { rounds, errors }]) => [name, { figures: summarize(rounds), rounds, errors }]),
      ),
    ]),
  );
  const { quick, rounds, size } = run.options;
  const record = { when: new Date().toISOString(), machine: machine(), options: { quick, rounds, size }, limits, skipped: run.skipped, results };
  mkdirSync(run.options.out, { recursive: true });
  const file = path.join(run.options.out, `${record.when.replaceAll(/[:.]/g, '-')}.json`);
  writeFileSync(file, `${JSON.stringify(record, undefined, 1)}\n`);
  writePlots(record, file.replace(/\.json$/, ''));
  printReport(record);
  say(`results: ${path.relative(process.cwd(), file)}`);
};

const main = async () => {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const skipped = {};
  for (const name of options.peers) {
    const missing = missingFor(root, name);
    if (missing) {
      skipped[name] = `${missing} is not installed`;
      say(`${name} is skipped: ${skipped[name]}`);
    }
  }
  const peers = options.peers.filter(name => !skipped[name]);
  const run = { options, skipped, results: {}, failed: false, places: makePlaces() };
  run.peersOf = workload => WORKLOADS[workload].peers.filter(name => peers.includes(name));
  try {
    run.bundles = makeBundles(root, peers);
    const sizes = sizesFor('fast', options.quick, options.size).w1;
    const probeLimits = () => {
      progress('limits of disk, scheduler and engine');
      return probe({
        build,
        directory: run.places.disk,
        bundle: path.join(run.bundles, 'store.bundle'),
        keys: sizes.keys,
        messages: sizes.queued,
      });
    };
    const limits = [probeLimits()];
    await runAll(run);
    limits.push(probeLimits());
    writeResults(run, summarize(limits));
  } finally {
    rmSync(run.places.disk, { recursive: true, force: true });
    rmSync(run.places.tmpfs, { recursive: true, force: true });
  }
  process.exitCode = run.failed ? 1 : 0;
};

await main();
