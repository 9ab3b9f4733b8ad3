// SPDX-License-Identifier: Apache-2.0
// Many messages, so many of them in flight at once, timed: burst.c for the kernels in JavaScript.

const VALUE_BYTES = 100;
const STRIDE = 7919;

const now = () => performance.now() / 1000;

export const valueOf = number => String(number).padStart(VALUE_BYTES, '0');
export const keyOf = (number, keys) => (number * STRIDE) % keys;

const argumentsOf = (form, number, keys) => (form === 'set' ? [keyOf(number, keys), valueOf(number)] : []);

const percentile = (sorted, share) => (sorted.length === 0 ? 0 : sorted[Math.floor((sorted.length - 1) * share)]);

/**
 * @param {{ sendAll(messages): Promise<void> } | { send(target, method, args): Promise<unknown> }} sender  sendAll: a kernel
 *   that is told when to run and when to commit takes as many messages as may be in flight, and returns when all are
 *   committed and none was rejected; send: one message, which settles when it is answered
 */
export const burst = async (sender, { targets, method, form, first = 0, keys = 1, count, width }) => {
  const latencies = [];
  const message = number => [targets[number % targets.length], method, argumentsOf(form, first + number, keys)];
  const began = now();
  if (sender.sendAll) {
    const window = width || count;
    for (let number = 0; number < count; number += window) {
      const sentAt = now();
      const size = Math.min(window, count - number);
      await sender.sendAll(Array.from({ length: size }, (_none, at) => message(number + at)));
      latencies.push(...Array(size).fill(now() - sentAt));
    }
  } else {
    let next = 0;
    const one = async () => {
      while (next < count) {
        const number = next;
        next += 1;
        const sentAt = now();
        await sender.send(...message(number));
        latencies.push(now() - sentAt);
      }
    };
    await Promise.all(Array.from({ length: Math.min(width || count, count) }, one));
  }
  const seconds = now() - began;
  latencies.sort((a, b) => a - b);
  return { seconds, answered: latencies.length, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
};
