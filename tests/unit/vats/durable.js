/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/vats/durable.js - a vat that holds and watches things in its storage. */
import { Far } from '@endo/far';

const { makeKindHandle, defineDurableKind, defineKind, makeScalarBigMapStore, makeScalarBigWeakMapStore } = VatData;
const { watchPromise } = VatData;

const provide = (baggage, key, make) => {
  if (!baggage.has(key)) {
    baggage.init(key, make());
  }
  return baggage.get(key);
};

export const buildRootObject = (_vatPowers, _parameters, baggage) => {
  const handle = provide(baggage, 'watcher_kind', () => makeKindHandle('watcher'));
  const makeWatcher = defineDurableKind(handle, () => ({}), {
    onFulfilled: (_context, value, name) => console.log('fulfilled', name, value),
    onRejected: (_context, reason, name) => console.log('rejected', name, reason),
  });
  const watcher = provide(baggage, 'watcher', makeWatcher);
  const weak = provide(baggage, 'weak', () => makeScalarBigWeakMapStore('weak', { durable: true }));
  const makeVirtual = defineKind('virtual', target => ({ target }), { get: ({ state }) => state.target });
  const ephemeral = [];
  return Far('root', {
    hold: (key, value) => baggage.init(key, value),
    letGo: key => baggage.delete(key),
    recognize: key => weak.init(key, 'known'),
    watch: (promise, name) => watchPromise(promise, watcher, name),
    watchLocal: name => watchPromise(new Promise(() => {}), watcher, name),
    makeVirtual: target => {
      const made = makeVirtual(target);
      ephemeral.push(made);
      return made;
    },
    makeVirtualStore: key => {
      const store = makeScalarBigMapStore('virtual store');
      store.init(key, 'value');
      ephemeral.push(store);
    },
    exportDurable: () => watcher,
  });
};
