// SPDX-License-Identifier: Apache-2.0
// How much of each workload is done. Slower peers get fewer messages, so that each takes some seconds; figures are rates.

const FULL = {
  w1: { keys: 10000, chunk: 500, awaited: 2000, windowed: 4000, queued: 4000 },
  w1p: { vats: 8, keys: 1250, chunk: 625, awaited: 4000, queued: 6400 },
  w2: { single: 1000, windowed: 1920, queued: 2000 },
  w3: { more: 20 },
  w4: { keys: [1000, 10000, 100000, 1000000], chunk: 1000 },
  w5: { vats: 10000, atOnce: 50, perKernel: 250, active: 100, keys: 10, messages: 2000 },
  w6: { awaited: 100, windowed: 320 },
  w7: { vats: 10, listeners: 1000, broadcasts: 3 },
};

const OF_SPEED = {
  fast: {},
  medium: {
    w1: { awaited: 500, windowed: 960, queued: 1000 },
    w1p: { awaited: 800, queued: 800 },
    w2: { single: 300, windowed: 640 },
    w4: { keys: [1000, 10000, 100000] },
    w6: { awaited: 40, windowed: 64 },
    w7: { broadcasts: 2 },
  },
  slow: {
    w1: { awaited: 200, windowed: 320, queued: 400 },
    w1p: { awaited: 200, queued: 400 },
    w2: { single: 150, windowed: 320 },
    w4: { keys: [1000, 10000, 100000] },
    w6: { awaited: 20, windowed: 32 },
    w7: { broadcasts: 1 },
  },
};

const QUICK = {
  w1: { keys: 1000, awaited: 150, windowed: 320, queued: 300 },
  w1p: { vats: 4, keys: 100, awaited: 200, queued: 200 },
  w2: { single: 50, windowed: 96, queued: 100 },
  w3: { more: 3 },
  w4: { keys: [1000, 5000] },
  w5: { vats: 40, atOnce: 10, perKernel: 20, active: 10, messages: 100 },
  w6: { awaited: 10, windowed: 32 },
  w7: { vats: 2, listeners: 100, broadcasts: 1 },
};

const merge = (...layers) =>
  Object.fromEntries(Object.keys(FULL).map(workload => [workload, Object.assign({}, ...layers.map(layer => layer[workload]))]));

/** `settings`: ["w1.keys=1000", …], which go before all else. Several numbers with commas make a list. */
export const sizesFor = (speed, quick, settings) => {
  const sizes = merge(FULL, OF_SPEED[speed], quick ? QUICK : {});
  for (const setting of settings) {
    const [, workload, name, value] = /^(\w+)\.(\w+)=([\d,]+)$/.exec(setting) ?? [];
    if (sizes[workload]?.[name] === undefined) {
      throw Error(`no such size: ${setting}`);
    }
    const numbers = value.split(',').map(Number);
    sizes[workload][name] = Array.isArray(sizes[workload][name]) ? numbers : numbers[0];
  }
  return sizes;
};
