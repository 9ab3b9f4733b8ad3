/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/scenario/vats/peer.js - a vat that does with promises what it is told, from outside, one call at a time. Promises
 * go by names here; what became of those it looks at is in `seen`. Nothing of it is durable.
 */
import { E, Far } from '@endo/far';
import { makePromiseKit } from '@endo/promise-kit';

export const buildRootObject = () => {
  const kits = new Map();
  const kept = new Map();
  const seen = [];
  let others;

  const note = (label, promise) =>
    E.when(
      promise,
      value => seen.push(`${label}: ${JSON.stringify(value)}`),
      reason => seen.push(`${label}: rejected ${reason.message || reason}`),
    );

  const make = name => {
    kits.set(name, makePromiseKit());
    return harden({ promise: kits.get(name).promise });
  };

  const makeObject = name =>
    Far(`made as ${name}`, { greet: who => `${name} greets ${who}`, note: text => seen.push(text) });

  return Far('peer', {
    bootstrap: async vats => {
      others = vats;
      await E(vats.bob).meet(vats);
    },
    meet: vats => {
      others = vats;
    },

    /* A promise comes back within a record: returned bare it would be awaited. */
    make,
    fulfil: (name, value) => kits.get(name).resolve(value),
    reject: (name, message) => kits.get(name).reject(Error(message)),
    rejectWith: (name, reason) => kits.get(name).reject(reason),
    makeObject,
    fulfilWithObject: name => kits.get(name).resolve(makeObject(name)),
    throwBack: message => {
      throw TypeError(message);
    },

    /* Waiting, here and elsewhere. */
    give: value => value,
    say: (...values) => console.log(...values),
    warn: (...values) => console.warn(...values),
    wait: async promise => ({ got: await promise }),
    waitBoth: async (a, b) => [await a, await b],
    look: (label, promise) => {
      note(label, promise);
    },
    seen: () => harden([...seen]),

    /* Sending on. */
    tell: (name, method, ...args) => E(others[name])[method](...args),
    tellAboutAnswer: (name, method, asked, ...question) => E(others[name])[method](E(others[asked]).give(...question)),
    greetThrough: (promise, who) => E(promise).greet(who),
    noteThrough: (promise, ...texts) => {
      for (const text of texts) {
        E(promise).note(text);
      }
    },
    pipeline: (name, made, who) => E(E.get(E(others[name]).make(made)).promise).greet(who),

    /* Results that are made before they are asked for. */
    answerLater: name => make(name).promise,
    chain: async (length, value) => {
      let promise = Promise.resolve(value);
      for (let i = 0; i < length; i += 1) {
        const next = makePromiseKit();
        next.resolve(promise);
        promise = next.promise;
      }
      return promise;
    },
    bounce: (left, value, home) =>
      left === 0 ? value : E(others[home]).bounce(left - 1, value, home === 'alice' ? 'bob' : 'alice'),

    /* Cycles: data that leads back to itself. */
    makeCycle: () => {
      const { promise, resolve } = makePromiseKit();
      resolve(harden({ self: promise, depth: 1 }));
      return harden({ promise });
    },
    fulfilWithBox: (name, promise) => kits.get(name).resolve(harden({ box: promise })),
    keep: (name, promise) => {
      kept.set(name, promise);
    },
    fulfilWithKept: (name, keptName) => kits.get(name).resolve(kept.get(keptName)),
    followCycle: async promise => {
      const first = await promise;
      const second = await first.self;
      const third = await second.self;
      return [first.depth, second.depth, third.depth];
    },
    followBoxes: async (promise, count) => {
      let inner = promise;
      for (let i = 0; i < count; i += 1) {
        ({ box: inner } = await inner);
      }
      return `opened ${count} boxes`;
    },
    followSelf: async () => {
      const { promise, resolve } = makePromiseKit();
      resolve(promise);
      return promise;
    },
  });
};
