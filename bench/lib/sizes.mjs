// SPDX-License-Identifier: Apache-2.0
// How much of each workload is done. Slower peers get fewer messages, so that each takes some seconds; figures are rates.

const FULL = {
  w1: { keys: 10000, chunk: 500, awaited: 1000, windowed: 1600, queued: 2000 },
  w1p: { vats: 8, keys: 1250, chunk: 625, awaited: 1600, queued: 2400 },
  w2: { single: 400, windowed: 960, queued: 2000 },
  w3: { more: 20 },
  w4: { keys: [1000, 10000, 100000, 1000000], chunk: 1000 },
  w5: { vats: 10000, atOnce: 50, perKernel: 250, active: 100, keys: 10, messages: 2000, launchLimit: 30, stallsAtMost: 10 },
  w5h: { vats: 1000, atOnce: 50, perKernel: 250, active: 100, messages: 2000, launchLimit: 60, stallsAtMost: 10 },
  w6: { awaited: 50, windowed: 160 },
  w7: { vats: 10, listeners: 1000, broadcasts: 2 },
  limits: { milliseconds: 500, messages: 2000 },
};

const OF_SPEED = {
  fast: {},
  fastTmpfs: { w4: { keys: [1000, 10000, 100000] } },
  medium: {
    w1: { awaited: 400, windowed: 640, queued: 800 },
    w1p: { awaited: 400, queued: 600 },
    w2: { single: 200, windowed: 320 },
    w4: { keys: [1000, 10000, 100000] },
    w6: { awaited: 20, windowed: 64 },
    w7: { broadcasts: 1 },
  },
  slow: {
    w1: { awaited: 150, windowed: 224, queued: 300 },
    w1p: { awaited: 160, queued: 240 },
    w2: { single: 100, windowed: 160 },
    w3: { more: 10 },
    w4: { keys: [1000, 10000, 100000] },
    w6: { awaited: 10, windowed: 32 },
    w7: { broadcasts: 1 },
  },
};

const QUICK = {
  w1: { keys: 500, awaited: 100, windowed: 160, queued: 160 },
  w1p: { vats: 3, keys: 100, awaited: 90, queued: 90 },
  w2: { single: 30, windowed: 64, queued: 60 },
  w3: { more: 1 },
  w4: { keys: [1000] },
  w5: { vats: 40, atOnce: 10, perKernel: 20, active: 10, messages: 100 },
  w5h: { vats: 20, atOnce: 10, perKernel: 20, active: 5, messages: 50 },
  w6: { awaited: 10, windowed: 32 },
  w7: { vats: 2, listeners: 40, broadcasts: 1 },
  limits: { milliseconds: 100, messages: 200 },
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
