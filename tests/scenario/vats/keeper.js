/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/scenario/vats/keeper.js - a vat that keeps things in each way there is: in its storage (baggage, durable objects,
 * a weak collection, watched promises) and in its heap. What a restart leaves of them is what restart.sh asks.
 */
import { E, Far } from '@endo/far';
import { makePromiseKit } from '@endo/promise-kit';

export const buildRootObject = ({ VatData }, _parameters, baggage) => {
  const provide = (key, make) => {
    if (!baggage.has(key)) {
      baggage.init(key, make());
    }
    return baggage.get(key);
  };
  const add = (key, more) => baggage.set(key, baggage.get(key) + more);
  const kits = new Map();
  const heap = [];

  provide('starts', () => 0);
  provide('bootstraps', () => 0);
  provide('count', () => 0);
  provide('seen', () => '');
  const kept = provide('kept', () => VatData.makeScalarBigMapStore('kept', { durable: true }));
  const weak = provide('weak', () => VatData.makeScalarBigWeakSetStore('weak', { durable: true }));
  add('starts', 1);

  const makeThing = VatData.defineDurableKind(
    provide('thing', () => VatData.makeKindHandle('thing')),
    label => ({ label, value: 0 }),
    {
      set: ({ state }, value) => {
        state.value = value;
      },
      get: ({ state }) => state.value,
      greet: ({ state }, who) => `${state.label} greets ${who}`,
    },
  );
  const makeWatcher = VatData.defineDurableKind(
    provide('watcher', () => VatData.makeKindHandle('watcher')),
    label => ({ label }),
    {
      onFulfilled: ({ state }, value) => add('seen', `${state.label}: ${value}\n`),
      onRejected: ({ state }, reason) => add('seen', `${state.label}: rejected ${reason.message}\n`),
    },
  );

  const make = name => {
    kits.set(name, makePromiseKit());
    return harden({ promise: kits.get(name).promise });
  };

  return Far('keeper', {
    bootstrap: () => add('bootstraps', 1),
    starts: () => baggage.get('starts'),
    bootstraps: () => baggage.get('bootstraps'),
    count: () => {
      add('count', 1);
      return baggage.get('count');
    },
    say: (...words) => console.log(...words),
    seen: () => baggage.get('seen'),

    /* What it exports. */
    makeDurable: makeThing,
    makeEphemeral: label => Far('ephemeral', { greet: who => `${label} greets ${who}` }),

    /* What it imports. */
    keep: (key, object) => kept.init(key, object),
    letGo: key => kept.delete(key),
    useKept: (key, who) => E(kept.get(key)).greet(who),
    countKept: keys => Promise.all(keys.map(key => E(kept.get(key)).count())),
    keepInHeap: object => {
      heap.push(object);
    },
    keepWeakly: object => weak.add(object),
    isWeaklyKept: object => weak.has(object),

    /* Promises. A promise comes back within a record: returned bare it would be awaited. */
    make,
    fulfil: (name, value) => kits.get(name).resolve(value),
    answerLater: name => make(name).promise,
    look: promise => {
      E.when(promise, value => add('seen', `looked: ${value}\n`), () => {});
    },
    wait: async promise => ({ got: await promise }),
    watch: (label, promise) => VatData.watchPromise(promise, makeWatcher(label)),
    watchOwn: label => VatData.watchPromise(make(label).promise, makeWatcher(label)),
    watchAnswer: (label, target, name) => VatData.watchPromise(E(target).answerLater(name), makeWatcher(label)),

    /* What goes too far. */
    loop: () => {
      for (;;) {
        add('count', 1000);
      }
    },
    overflow: () => {
      add('count', 1000);
      const deeper = depth => deeper(depth + 1) + 1;
      return deeper(0);
    },
  });
};
