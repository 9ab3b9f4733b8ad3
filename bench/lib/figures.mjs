// SPDX-License-Identifier: Apache-2.0
// The figures of each workload as people see them, and how a number is written.

const rate = value => `${value >= 1000 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3)}/s`;
const time = value => (value >= 1 ? `${value.toPrecision(3)} s` : `${(value * 1000).toPrecision(3)} ms`);
const size = value => `${(value / 2 ** 20).toPrecision(3)} MiB`;

export const WRITE = { rate, time, size, count: String };

/** Which way is better, by kind. */
export const MORE_IS_BETTER = { rate: true, time: false, size: false, count: false };

const perKeys = (name, title, kind, counts) =>
  counts.map(count => [`${name}@${count}`, `${title}, ${count.toLocaleString('en-US')} keys`, kind]);

const KEY_COUNTS = [1000, 10000, 100000, 1000000];

/** workload -> {title, figures: [name, title, kind]} */
export const FIGURES = {
  W1: {
    title: 'W1  set of 100 bytes in a durable map',
    figures: [
      ['awaited', 'each awaited', 'rate'],
      ['awaitedP50', '  latency, median', 'time'],
      ['awaitedP99', '  latency, 99th percentile', 'time'],
      ['windowed', '32 in flight', 'rate'],
      ['windowedP50', '  latency, median', 'time'],
      ['windowedP99', '  latency, 99th percentile', 'time'],
      ['queued', 'all at once', 'rate'],
    ],
  },
  W1p: {
    title: 'W1p the same on several vats at once',
    figures: [
      ['awaited', 'one in flight for each vat', 'rate'],
      ['awaitedP50', '  latency, median', 'time'],
      ['awaitedP99', '  latency, 99th percentile', 'time'],
      ['queued', 'all at once', 'rate'],
    ],
  },
  W2: {
    title: 'W2  a vat calls another and waits: round trips',
    figures: [
      ['single', 'one by one', 'rate'],
      ['windowed', '32 in flight', 'rate'],
      ['queued', 'all at once', 'rate'],
    ],
  },
  W3: {
    title: 'W3  launch, and memory (PSS)',
    figures: [
      ['emptyStart', 'kernel without vats: process start to open', 'time'],
      ['emptyMemory', 'kernel without vats: memory', 'size'],
      ['firstLaunch', 'launch of the first vat', 'time'],
      ['secondLaunch', 'launch of the second', 'time'],
      ['launch', 'launch of one of those after', 'time'],
      ['firstMemory', 'memory of the first vat', 'size'],
      ['secondMemory', 'memory of the second', 'size'],
      ['vatMemory', 'memory of one of those after', 'size'],
    ],
  },
  W4: {
    title: 'W4  restart: process start to first answer',
    figures: [
      ...perKeys('firstAnswer', 'first answer', 'time', KEY_COUNTS),
      ...perKeys('rested', 'first answer after an orderly end', 'time', KEY_COUNTS),
      ...perKeys('opened', 'kernel open', 'time', KEY_COUNTS),
      ...perKeys('memory', 'memory', 'size', KEY_COUNTS),
    ],
  },
  W5: {
    title: 'W5  many vats in one database, some of them active at random',
    figures: [
      ['start', 'process start to open', 'time'],
      ['stalls', 'launches that were never answered, while loading', 'count'],
      ['asleepMemory', 'memory, all asleep', 'size'],
      ['databaseBytes', 'database, for each vat', 'size'],
      ['wakeP50', 'first answer of a sleeping vat, median', 'time'],
      ['wakeP99', '  99th percentile', 'time'],
      ['rate', 'messages to the active vats, 32 in flight', 'rate'],
      ['latencyP50', '  latency, median', 'time'],
      ['latencyP99', '  latency, 99th percentile', 'time'],
      ['activeMemory', 'memory with the active ones', 'size'],
    ],
  },
  W5h: {
    title: 'W5h  many vats that hibernate, some of them active at random',
    figures: [
      ['start', 'process start to open', 'time'],
      ['asleepMemory', 'memory, all hibernated', 'size'],
      ['databaseBytes', 'database, for each vat', 'size'],
      ['wakeP50', 'first answer of a hibernated vat, median', 'time'],
      ['wakeP99', '  99th percentile', 'time'],
      ['rate', 'messages to the active vats, 32 in flight', 'rate'],
      ['latencyP50', '  latency, median', 'time'],
      ['latencyP99', '  latency, 99th percentile', 'time'],
      ['activeMemory', 'memory with the active ones', 'size'],
      ['rest', 'orderly end, for each active vat', 'time'],
    ],
  },
  W6: {
    title: 'W6  the mainnet mix: 24 storage calls a delivery, 5 of 9 deliveries are notifications',
    figures: [
      ['awaited', 'deliveries, one trade at a time', 'rate'],
      ['awaitedP50', '  latency of a trade, median', 'time'],
      ['awaitedP99', '  latency of a trade, 99th percentile', 'time'],
      ['windowed', 'deliveries, 32 trades in flight', 'rate'],
      ['storageCalls', '  storage calls', 'rate'],
    ],
  },
  W7: {
    title: 'W7  broadcast to objects in other vats',
    figures: [
      ['broadcast', 'one broadcast, until all have answered', 'time'],
      ['deliveries', '  deliveries', 'rate'],
    ],
  },
};
