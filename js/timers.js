/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/timers.js - setTimeout and its kind, over an object of the kernel.
 *
 * A timer is a send to that object: `delay(id, ms)`, whose promise the kernel resolves when the time has passed. So the
 * callback runs in a delivery like any other, and liveslots knows nothing of it. Callbacks live in this heap: a vat's
 * timers end with its incarnation.
 */
import { E } from '@endo/eventual-send';

const { apply } = Reflect;
const MAX_DELAY = 2147483647; // as in browsers, a longer one is none at all

/* What a caller may say for a time, as milliseconds. */
const toDelay = time => {
  const ms = Number(time);
  return ms > 0 && ms <= MAX_DELAY ? Math.floor(ms) : 0;
};

/* `timer` may be a promise for the kernel's object. */
export const makeTimers = (timer, console) => {
  const running = new Map(); // id -> {callback, args, ms, repeats}
  let lastId = 0;

  const fail = (what, reason) => console.error(`${what}:`, reason);

  const wait = id => {
    E(timer)
      .delay(id, running.get(id).ms)
      .then(
        due => due && fire(id),
        reason => running.delete(id) && fail('a timer does not run', reason),
      );
  };

  const fire = id => {
    const entry = running.get(id);
    if (!entry) {
      return;
    }
    if (entry.repeats) {
      wait(id);
    } else {
      running.delete(id);
    }
    try {
      apply(entry.callback, undefined, entry.args);
    } catch (error) {
      fail('a timer\'s callback failed', error);
    }
  };

  const start = (name, callback, time, args, repeats) => {
    if (typeof callback !== 'function') {
      throw TypeError(`${name} needs a function`);
    }
    lastId += 1;
    running.set(lastId, { callback, args, ms: toDelay(time), repeats });
    wait(lastId);
    return lastId;
  };

  const stop = id => {
    if (running.delete(id)) {
      E(timer).cancel(id).catch(() => {});
    }
  };

  return {
    setTimeout: (callback, time = 0, ...args) => start('setTimeout', callback, time, args, false),
    clearTimeout: id => stop(id),
    setInterval: (callback, time = 0, ...args) => start('setInterval', callback, time, args, true),
    clearInterval: id => stop(id),
  };
};
