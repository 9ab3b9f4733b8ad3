// SPDX-License-Identifier: Apache-2.0
// The benchmark: node bench/run.mjs [--help]. README.md says what it measures, and how to read it.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { makeBundles } from './lib/bundles.mjs';
import { Driver, NotFinished } from './lib/driver.mjs';
import { probe } from './lib/limits.mjs';
import { CONTROL, missingFor, PEERS } from './lib/peers.mjs';
import { writePlots } from './lib/plots.mjs';
import { progress, say } from './lib/progress.mjs';
import { printReport } from './lib/report.mjs';
import { sizesFor } from './lib/sizes.mjs';
import { summarize } from './lib/summary.mjs';
import * as workloads from './lib/workloads.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

const ON_DISK = ['vatd', 'vatd-socket', 'swingset-local', 'swingset-xsnap', 'typescript@disk'];
const IN_MEMORY = ['vatd@tmpfs', 'typescript'];
const ALL = ['vatd', 'swingset-local', 'swingset-xsnap', ...IN_MEMORY, CONTROL];
const WORKLOADS = {
  W1: { peers: [...ON_DISK, ...IN_MEMORY, CONTROL], run: workloads.w1 },
  W1p: { peers: ALL, run: workloads.w1p },
  W2: { peers: ALL, run: workloads.w2 },
  W3: { peers: ALL, run: workloads.w3 },
  W4: { peers: ALL },
  W5: { peers: ['vatd', CONTROL], prepare: workloads.prepareW5, measure: workloads.activeW5 },
  W5h: { peers: ['vatd', CONTROL], prepare: workloads.prepareW5h, measure: workloads.activeW5h },
  W6: { peers: ALL, run: workloads.w6 },
  W7: { peers: ALL, run: workloads.w7 },
};

const HELP = `usage: node bench/run.mjs [options]      (make bench builds what it needs first)

  --quick              a smoke run of about two minutes: the figures mean nothing
  --only W1,W2         these workloads: ${Object.keys(WORKLOADS).join(' ')}
  --peers vatd,…       these peers: ${Object.keys(PEERS).join(' ')}
  --rounds N           how often each measurement is made, interleaved (3)
  --size w1.keys=1000  a size, see lib/sizes.mjs; may be given several times
  --limit S            seconds for one answer of a kernel (300)
  --out DIR            where results go (bench/results)
  --report FILE        measure nothing: tables and plots of an earlier result
  --build DIR          the build that is measured (build/release)
`;

/** What was asked for makes no sense; told without a trace. */
class UsageError extends Error {}

const positive = (text, name) => {
  const number = Number(text);
  if (!(number > 0)) {
    throw new UsageError(`--${name} needs a number above 0, not ${text}`);
  }
  return number;
};

const commaList = text => text?.split(',').filter(Boolean);

const parseOptions = options => {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    throw new UsageError(error.message);
  }
};

const readOptions = () => {
  const values = parseOptions({
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    peers: { type: 'string' },
    rounds: { type: 'string' },
    size: { type: 'string', multiple: true, default: [] },
    limit: { type: 'string', default: '300' },
    out: { type: 'string', default: path.join(root, 'bench/results') },
    build: { type: 'string', default: path.join(root, 'build/release') },
    report: { type: 'string' },
    help: { type: 'boolean', default: false },
  });
  const only = commaList(values.only) ?? Object.keys(WORKLOADS);
  const peers = commaList(values.peers) ?? Object.keys(PEERS).filter(name => name !== CONTROL);
  const unknown = [...only.filter(name => !WORKLOADS[name]), ...peers.filter(name => !PEERS[name])];
  if (unknown.length > 0) {
    throw new UsageError(`no such workload or peer: ${unknown.join(', ')}`);
  }
  try {
    sizesFor('fast', values.quick, values.size);
  } catch (error) {
    throw new UsageError(error.message);
  }
  const rounds = Math.ceil(positive(values.rounds ?? (values.quick ? 1 : 3), 'rounds'));
  return { ...values, only, peers, rounds, limit: positive(values.limit, 'limit') };
};

/** Places for databases, one for each medium. */
const makePlaces = () => {
  const base = path.join(root, 'build/bench');
  mkdirSync(base, { recursive: true });
  return { disk: mkdtempSync(path.join(base, 'run-')), tmpfs: mkdtempSync('/dev/shm/vatd-bench-') };
};

const placeOf = (run, name, database) => path.join(run.places[PEERS[name].medium], database);

const expect = (actual, expected, what) => {
  if (actual !== expected) {
    throw Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
  }
};

/** What a workload is given for one measurement on one peer. */
const makeBench = (run, name, database) => {
  const peer = PEERS[name];
  const drivers = [];
  const directory = placeOf(run, name, database);
  mkdirSync(directory, { recursive: true });
  const bytesOf = file => statSync(path.join(directory, file)).size;
  return {
    database: path.join(directory, 'db'),
    databaseBytes: () => readdirSync(directory).reduce((sum, file) => sum + bytesOf(file), 0),
    sizes: sizesFor(peer.speed, run.options.quick, run.options.size),
    expect,
    progress: text => progress(`${database}: ${text}`),
    rest: seconds => new Promise(resolve => setTimeout(resolve, seconds * 1000)),
    bundle: vat => path.join(run.bundles, `${vat}.bundle`),
    start: async (limit = run.options.limit) => {
      const env = { VATD_PROGRAMS: run.options.build, BENCH_BUNDLES: run.bundles, NODE_NO_WARNINGS: '1' };
      const driver = new Driver(name, peer.command(root, run.options.build), env, limit);
      drivers.push(driver);
      await driver.started();
      return driver;
    },
    end: () => Promise.all(drivers.map(driver => driver.stop())),
  };
};

/** A peer that breaks is reported; it is no failure of the benchmark. */
const isOurs = name => name.startsWith('vatd') || name === CONTROL;

const withBench = async (run, workload, name, database, work) => {
  const result = (run.results[workload][name] ??= { rounds: [], errors: [] });
  const bench = makeBench(run, name, database);
  try {
    return await work(bench);
  } catch (error) {
    result.errors.push(error.message);
    run.failed ||= isOurs(name) && !(error instanceof NotFinished);
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
    rmSync(placeOf(run, name, database), { recursive: true, force: true });
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

/** One database for each peer, which all rounds go on with. */
const runOnPrepared = async (run, workload) => {
  const prepared = new Map();
  const { prepare, measure } = WORKLOADS[workload];
  for (const name of run.peersOf(workload)) {
    progress(`${workload} ${name}: launching`);
    prepared.set(name, await withBench(run, workload, name, `${workload}-${name}`, prepare));
  }
  await runRounds(run, workload, async (name, round) => {
    const vats = prepared.get(name);
    const figures = vats && (await withBench(run, workload, name, `${workload}-${name}`, bench => measure(bench, vats, round)));
    if (figures) {
      run.results[workload][name].rounds.push(figures);
    }
  });
};

const runAll = async run => {
  for (const workload of run.options.only) {
    run.results[workload] = {};
    const { run: simple, prepare } = WORKLOADS[workload];
    await (simple ? runSimple(run, workload) : prepare ? runOnPrepared(run, workload) : runW4(run));
    writeResults(run);
  }
};

const machine = () => ({
  cores: os.cpus().length,
  processor: os.cpus()[0]?.model,
  memory: os.totalmem(),
  kernel: os.release().split('-')[0],
  node: process.version,
});

const summaryOf = results =>
  Object.fromEntries(
    Object.entries(results).map(([workload, peers]) => [
      workload,
      Object.fromEntries(
        Object.entries(peers).map(([name, { rounds, errors }]) => [name, { figures: summarize(rounds), rounds, errors }]),
      ),
    ]),
  );

/** After each workload, so that a run that is interrupted leaves what it has. */
const writeResults = run => {
  const { quick, rounds, size, out } = run.options;
  const record = {
    when: run.when,
    machine: machine(),
    options: { quick, rounds, size },
    limits: summarize(run.limits),
    skipped: run.skipped,
    results: summaryOf(run.results),
  };
  mkdirSync(out, { recursive: true });
  run.file = path.join(out, `${run.when.replaceAll(/[:.]/g, '-')}.json`);
  writeFileSync(run.file, `${JSON.stringify(record, undefined, 1)}\n`);
  return record;
};

const skippedAmong = names => {
  const skipped = {};
  for (const name of names) {
    const missing = missingFor(root, name);
    if (missing) {
      skipped[name] = `${missing} is not installed`;
      say(`${name} is skipped: ${skipped[name]}`);
    }
  }
  return skipped;
};

const probeLimits = run => {
  progress('limits of disk, scheduler and engine');
  const { w1, limits } = sizesFor('fast', run.options.quick, run.options.size);
  const bundle = path.join(run.bundles, 'store.bundle');
  const { build } = run.options;
  run.limits.push(probe({ build, directory: run.places.disk, bundle, keys: w1.keys, ...limits }));
};

const report = (record, file) => {
  writePlots(record, file.replace(/\.json$/, ''));
  say('');
  printReport(record);
  say(`results: ${path.relative(process.cwd(), file)}`);
};

const measure = async run => {
  probeLimits(run);
  await runAll(run);
  probeLimits(run);
  report(writeResults(run), run.file);
};

const main = async () => {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  if (options.report && !existsSync(options.report)) {
    throw new UsageError(`there is no ${options.report}`);
  }
  if (options.report) {
    report(JSON.parse(readFileSync(options.report, 'utf8')), options.report);
    return;
  }
  const skipped = skippedAmong(options.peers);
  const peers = options.peers.filter(name => !skipped[name]);
  const run = { options, skipped, when: new Date().toISOString(), results: {}, limits: [], failed: false };
  run.peersOf = workload => WORKLOADS[workload].peers.filter(name => peers.includes(name));
  run.places = makePlaces();
  process.once('exit', () => Object.values(run.places).forEach(place => rmSync(place, { recursive: true, force: true })));
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  run.bundles = makeBundles(root, options.build, peers);
  await measure(run);
  process.exitCode = run.failed ? 1 : 0;
};

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) {
    throw error;
  }
  process.stderr.write(`bench: ${error.message}\nTry: node bench/run.mjs --help\n`);
  process.exitCode = 2;
}
