// SPDX-License-Identifier: Apache-2.0
// The workloads. Each is a function of a bench (below) that runs on one peer and returns figures: name -> number. Rates are
// per second, times in seconds, memory in bytes. Each ends by looking at what the kernel has stored: one that did nothing fails.
//
// bench: {start(limit?): Promise<Driver>, database, databaseBytes(), sizes, bundle(name), expect(actual, expected, what),
// rest(seconds), progress(text)}
import { keyOf, valueOf } from '../drivers/burst.mjs';
import { NotFinished } from './driver.mjs';

const NOT_YET = 'not yet'.padEnd(100, '.');

const fill = async (driver, root, keys, chunk) => {
  for (let first = 0; first < keys; first += chunk) {
    await driver.call(root, 'fill', first, Math.min(chunk, keys - first), NOT_YET);
  }
};

const launchOne = async (bench, driver, name, vat) => {
  const { roots, seconds } = await driver.ask('launch', { vats: { [name]: bench.bundle(vat) } });
  return { root: roots[name], seconds };
};

const rateOf = ({ answered, seconds }) => answered / seconds;

/** `count` messages set(key, value), so many in flight; what they have stored is looked at. */
const setBurst = async (bench, driver, roots, { keys, count, width }) => {
  const result = await driver.ask('burst', { targets: roots, method: 'set', form: 'set', keys, count, width });
  bench.expect(result.answered, count, 'messages answered');
  for (const [at, root] of roots.entries()) {
    const last = count - 1 - ((count - 1 - at) % roots.length);
    bench.expect(await driver.call(root, 'get', keyOf(last, keys)), valueOf(last), 'the last value that was set');
    bench.expect(await driver.call(root, 'has', keys - 1), true, 'whether the last key is there');
    bench.expect(await driver.call(root, 'has', keys), false, 'whether a key beyond it is there');
  }
  return result;
};

export const w1 = async bench => {
  const { keys, chunk, awaited, windowed, queued } = bench.sizes.w1;
  const driver = await bench.start();
  await driver.ask('open', { database: bench.database });
  const { root } = await launchOne(bench, driver, 'store', 'store');
  await fill(driver, root, keys, chunk);
  const one = await setBurst(bench, driver, [root], { keys, count: awaited, width: 1 });
  const window = await setBurst(bench, driver, [root], { keys, count: windowed, width: 32 });
  const all = await setBurst(bench, driver, [root], { keys, count: queued, width: 0 });
  await driver.ask('close');
  return {
    awaited: rateOf(one),
    awaitedP50: one.p50,
    awaitedP99: one.p99,
    windowed: rateOf(window),
    windowedP50: window.p50,
    windowedP99: window.p99,
    queued: rateOf(all),
  };
};

export const w1p = async bench => {
  const { vats, keys, chunk, awaited, queued } = bench.sizes.w1p;
  const driver = await bench.start();
  await driver.ask('open', { database: bench.database });
  const roots = [];
  for (let vat = 0; vat < vats; vat += 1) {
    roots.push((await launchOne(bench, driver, `store${vat}`, 'store')).root);
    await fill(driver, roots[vat], keys, chunk);
  }
  // One message in flight for each vat, then all at once.
  const one = await setBurst(bench, driver, roots, { keys, count: awaited, width: vats });
  const all = await setBurst(bench, driver, roots, { keys, count: queued, width: 0 });
  await driver.ask('close');
  return { awaited: rateOf(one), awaitedP50: one.p50, awaitedP99: one.p99, queued: rateOf(all) };
};

export const w2 = async bench => {
  const { single, windowed, queued } = bench.sizes.w2;
  const driver = await bench.start();
  await driver.ask('open', { database: bench.database });
  const { root: asker } = await launchOne(bench, driver, 'asker', 'pair');
  const { root: answerer } = await launchOne(bench, driver, 'answerer', 'pair');
  await driver.call(asker, 'meet', { $ref: answerer });
  const figures = {};
  let asked = 0;
  for (const [name, times, width] of [
    ['single', single, 1],
    ['windowed', windowed, 32],
    ['queued', queued, queued],
  ]) {
    const { seconds } = await driver.ask('call', { target: asker, method: 'ask', args: [times, width] });
    asked += times;
    bench.expect(await driver.call(answerer, 'answered'), asked, 'questions answered');
    figures[name] = times / seconds;
  }
  await driver.ask('close');
  return figures;
};

export const w3 = async bench => {
  const { more } = bench.sizes.w3;
  const first = await bench.start();
  await first.ask('open', { database: bench.database });
  await first.ask('close');
  await first.stop();

  const driver = await bench.start();
  await driver.ask('open', { database: bench.database });
  const figures = { emptyStart: driver.age() };
  await bench.rest(0.5);
  figures.emptyMemory = driver.memory();
  const launch = async number => {
    const { root, seconds } = await launchOne(bench, driver, `store${number}`, 'store');
    await driver.call(root, 'set', 0, '').then(
      () => bench.expect('done', 'rejected', 'set of a key that is not there'),
      () => {},
    );
    bench.expect(await driver.call(root, 'has', 0), false, 'whether a key is there');
    return seconds;
  };
  figures.firstLaunch = await launch(1);
  await bench.rest(0.5);
  const one = driver.memory();
  figures.secondLaunch = await launch(2);
  await bench.rest(0.5);
  const two = driver.memory();
  const times = [];
  for (let number = 3; number < 3 + more; number += 1) {
    times.push(await launch(number));
  }
  await bench.rest(1);
  figures.launch = times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
  figures.firstMemory = one - figures.emptyMemory;
  figures.secondMemory = two - one;
  figures.vatMemory = (driver.memory() - two) / more;
  await driver.ask('close');
  return figures;
};

/** Makes the database that is restarted; once for each peer. */
export const prepareW4 = async (bench, keys) => {
  const driver = await bench.start();
  await driver.ask('open', { database: bench.database });
  const { root } = await launchOne(bench, driver, 'store', 'store');
  await fill(driver, root, keys, bench.sizes.w4.chunk);
  await driver.call(root, 'set', keys - 1, valueOf(keys));
  await driver.ask('snapshot').catch(() => {}); // a peer that has heap snapshots is measured at its best
  await driver.ask('close');
  await driver.stop();
  return root;
};

/** Process start to first answer; `end(driver)` comes before the kernel is closed again. */
const restart = async (bench, keys, root, end) => {
  const driver = await bench.start();
  await driver.ask('open', { database: bench.database });
  const opened = driver.age();
  const value = await driver.call(root, 'get', keys - 1);
  const firstAnswer = driver.age();
  bench.expect(value, valueOf(keys), 'the value before the restart');
  await bench.rest(0.2);
  const memory = driver.memory();
  const ended = await end(driver);
  await driver.ask('close');
  await driver.stop();
  return { opened, firstAnswer, memory, ended };
};

/** A vat begins anew after the first end, and goes on with its heap after the second, if the kernel can do that. */
export const restartW4 = async (bench, keys, root) => {
  const rests = driver => driver.ask('rest').then(() => true, () => false);
  const { ended, ...figures } = await restart(bench, keys, root, rests);
  if (ended) {
    figures.rested = (await restart(bench, keys, root, () => {})).firstAnswer;
  }
  return figures;
};

/** Launches vats until there are so many; false when the kernel did not answer in time. `leave(driver, roots)` comes before its end. */
const launchUntil = async (bench, sizes, roots, until, leave) => {
  const driver = await bench.start(sizes.launchLimit);
  const before = roots.length;
  try {
    await driver.ask('open', { database: bench.database });
    while (roots.length < until) {
      const count = Math.min(sizes.atOnce, until - roots.length);
      const names = Array.from({ length: count }, (_none, at) => `v${roots.length + at}`);
      const bundles = Object.fromEntries(names.map(name => [name, bench.bundle('store')]));
      const { roots: launched } = await driver.ask('launch', { vats: bundles });
      roots.push(...names.map(name => launched[name]));
    }
    await leave(driver, roots.slice(before));
    await driver.ask('close');
    return true;
  } catch (error) {
    if (error instanceof NotFinished) {
      return false;
    }
    throw error;
  } finally {
    await driver.stop();
  }
};

/**
 * Many vats in one database. Kernels are closed between the launches: vats that are not needed have no worker then. A kernel
 * that does not answer is killed and tried again; `stalls` counts how often.
 */
const launchMany = async (bench, sizes, leave) => {
  const { vats, perKernel, stallsAtMost } = sizes;
  const roots = [];
  let stalls = 0;
  while (roots.length < vats) {
    if (!(await launchUntil(bench, sizes, roots, Math.min(roots.length + perKernel, vats), leave))) {
      stalls += 1;
      bench.expect(stalls <= stallsAtMost, true, `whether ${stalls} launches that were never answered are few enough`);
    }
    bench.progress(`${roots.length} of ${vats} vats${stalls > 0 ? `, ${stalls} stalls` : ''}`);
  }
  return { roots, stalls };
};

/** Whose kernel just closes: vats begin anew, from what they keep. */
export const prepareW5 = bench => launchMany(bench, bench.sizes.w5, () => {});

/** Whose kernel ends in order: vats go on with their heap. */
export const prepareW5h = bench =>
  launchMany(bench, bench.sizes.w5h, async (driver, roots) => {
    for (const root of roots) {
      await driver.call(root, 'visit');
    }
    await driver.ask('rest');
  });

/** A generator of the same numbers in each run. */
const randomly = seed => {
  let state = seed;
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};

const chooseSome = (all, count, seed) => {
  const random = randomly(seed);
  const chosen = new Set();
  while (chosen.size < Math.min(count, all.length)) {
    chosen.add(all[random(all.length)]);
  }
  return [...chosen];
};

/** Wakes some vats with `method`, whose value is given to `check`, and sends them messages; the driver is still open then. */
const wakeSome = async (bench, sizes, { roots }, round, { method, args, check }) => {
  const driver = await bench.start();
  await driver.ask('open', { database: bench.database });
  const figures = { start: driver.age() };
  await bench.rest(0.5);
  figures.asleepMemory = driver.memory();
  figures.databaseBytes = bench.databaseBytes() / roots.length;
  const wakes = [];
  const awake = chooseSome(roots, sizes.active, 4711 + round);
  for (const root of awake) {
    const { seconds, value } = await driver.ask('call', { target: root, method, args });
    check(value);
    wakes.push(seconds);
  }
  wakes.sort((a, b) => a - b);
  figures.wakeP50 = wakes[Math.floor((wakes.length - 1) / 2)];
  figures.wakeP99 = wakes[Math.floor((wakes.length - 1) * 0.99)];
  const result = await driver.ask('burst', { targets: awake, method: 'ping', form: 'none', count: sizes.messages, width: 32 });
  bench.expect(result.answered, sizes.messages, 'messages answered');
  figures.rate = rateOf(result);
  figures.latencyP50 = result.p50;
  figures.latencyP99 = result.p99;
  figures.activeMemory = driver.memory();
  return { driver, figures, awake };
};

export const activeW5 = async (bench, prepared, round) => {
  const { w5 } = bench.sizes;
  const check = value => bench.expect(value, false, 'whether a key is there');
  const { driver, figures } = await wakeSome(bench, w5, prepared, round, { method: 'has', args: [w5.keys], check });
  await driver.ask('close');
  await driver.stop();
  return { ...figures, stalls: prepared.stalls };
};

export const activeW5h = async (bench, prepared, round) => {
  const check = value => bench.expect(value >= 2, true, `whether a heap goes on (visit ${value})`);
  const { driver, figures, awake } = await wakeSome(bench, bench.sizes.w5h, prepared, round, { method: 'visit', args: [], check });
  figures.rest = (await driver.ask('rest')).seconds / awake.length;
  await driver.ask('close');
  await driver.stop();
  return figures;
};

export const w6 = async bench => {
  const { awaited, windowed } = bench.sizes.w6;
  const deliveries = 9;
  const driver = await bench.start();
  await driver.ask('open', { database: bench.database });
  const roots = [];
  for (const name of ['maker', 'quoter', 'recorder', 'auditor']) {
    roots.push((await launchOne(bench, driver, name, 'market')).root);
  }
  await driver.call(roots[0], 'meet', ...roots.slice(1).map(root => ({ $ref: root })));
  const trade = async (count, width) =>
    driver.ask('burst', { targets: [roots[0]], method: 'trade', form: 'none', count, width });
  const one = await trade(awaited, 1);
  const window = await trade(windowed, 32);
  let worked = 0;
  for (const root of roots) {
    worked += await driver.call(root, 'worked');
  }
  bench.expect(worked, deliveries * (awaited + windowed), 'deliveries in which a vat worked');
  await driver.ask('close');
  return {
    awaited: deliveries * rateOf(one),
    awaitedP50: one.p50,
    awaitedP99: one.p99,
    windowed: deliveries * rateOf(window),
    storageCalls: 24 * deliveries * rateOf(window),
  };
};

export const w7 = async bench => {
  const { vats, listeners, broadcasts } = bench.sizes.w7;
  const driver = await bench.start();
  await driver.ask('open', { database: bench.database });
  const { root: hub } = await launchOne(bench, driver, 'hub', 'hub');
  const members = [];
  for (let vat = 0; vat < vats; vat += 1) {
    members.push((await launchOne(bench, driver, `member${vat}`, 'hub')).root);
    const enlisted = await driver.call(hub, 'enlist', { $ref: members[vat] }, listeners / vats);
    bench.expect(enlisted, (listeners / vats) * (vat + 1), 'listeners enlisted');
  }
  const times = [];
  for (let broadcast = 0; broadcast < broadcasts; broadcast += 1) {
    times.push((await driver.ask('call', { target: hub, method: 'broadcast', args: ['news'] })).seconds);
  }
  for (const member of members) {
    bench.expect(await driver.call(member, 'heard'), (broadcasts * listeners) / vats, 'messages heard');
  }
  await driver.ask('close');
  times.sort((a, b) => a - b);
  const median = times[Math.floor((times.length - 1) / 2)];
  return { broadcast: median, deliveries: (2 * listeners) / median };
};
