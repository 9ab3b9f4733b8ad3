/* SPDX-License-Identifier: Apache-2.0 */
/* A vat that tries the globals it was granted. What it is to find out it is asked by name. */
import { Far } from '@endo/far';

/* eslint-disable no-undef */
const early = typeof setTimeout === 'function' && new Promise(resolve => setTimeout(resolve, 1, 'early'));

export const buildRootObject = (_vatPowers, parameters, baggage) => {
  const seen = [];
  const wait = (ms, value) => new Promise(resolve => setTimeout(resolve, ms, value));
  const note = (ms, name) => setTimeout(() => seen.push(name), ms);
  let fired = 0;

  return Far('clock', {
    bootstrap: () => {},
    parameters: () => harden(parameters),
    typeOf: name => typeof globalThis[name],
    early: () => early,

    /* callbacks run in the order of their times */
    order: async () => {
      note(60, 'third');
      note(30, 'second');
      note(1, 'first');
      await wait(120);
      return harden(seen.splice(0));
    },
    cleared: async () => {
      clearTimeout(note(20, 'cleared'));
      clearTimeout(note(3600000, 'cleared'));
      clearTimeout(12345);
      note(40, 'kept');
      await wait(80);
      return harden(seen.splice(0));
    },
    interval: () =>
      new Promise(resolve => {
        let count = 0;
        const id = setInterval(
          (a, b) => {
            count += 1;
            if (count === 3) {
              clearInterval(id);
              resolve(`${count} ${a} ${b}`);
            }
          },
          10,
          'a',
          'b',
        );
      }),
    thrower: async () => {
      setTimeout(() => {
        throw Error('in a callback');
      }, 1);
      await wait(20);
      return 'alive';
    },
    noFunction: () => setTimeout('code'),
    later: ms => {
      setTimeout(() => {
        fired += 1;
      }, ms);
    },
    many: count => {
      for (let i = 0; i < count; i += 1) {
        setTimeout(() => {}, 3600000);
      }
    },
    fired: () => fired,
    soon: value => wait(1, value),
    remember: value => baggage.init('value', value),
    recall: () => baggage.get('value'),

    now: () => Date.now(),
    dates: () => {
      const date = new Date();
      return harden([
        date instanceof Date,
        Math.abs(date.getTime() - Date.now()) < 1000,
        new Date(0).toISOString(),
        new Date(2020, 1, 1) > new Date(2019, 1, 1),
        typeof Date(),
        Date.UTC(1970, 0, 1),
        Date.parse('1970-01-01T00:00:01Z'),
      ]);
    },
    frozen: name => Object.isFrozen(globalThis[name]),
    random: () => {
      const numbers = Array.from({ length: 1000 }, () => Math.random());
      return harden([numbers.every(n => n >= 0 && n < 1), new Set(numbers).size, Math.max(1, 2), Math.PI > 3]);
    },
    crypto: () => {
      const array = crypto.getRandomValues(new Uint16Array(100));
      return harden([array.some(n => n > 255), crypto.randomUUID(), crypto.randomUUID() !== crypto.randomUUID()]);
    },
    tooRandom: size => crypto.getRandomValues(new Uint8Array(size)).length,
    floatRandom: () => crypto.getRandomValues(new Float64Array(1)),

    /* a program in one expression, for the pure ones */
    run: (name, ...args) => harden(programs[name](...args)),
  });
};

const programs = {};
