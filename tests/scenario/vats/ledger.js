/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/scenario/vats/ledger.js - counts what it is told in a durable map of ten slots, and tells the next vat the same in the
 * same crank, with a durable object of its own, which that one keeps. All that it makes is durable.
 */
import { E, Far } from '@endo/far';

export const buildRootObject = ({ VatData }, _parameters, baggage) => {
  const provide = (key, make) => {
    if (!baggage.has(key)) {
      baggage.init(key, make());
    }
    return baggage.get(key);
  };
  const add = (map, key, more) => (map.has(key) ? map.set(key, map.get(key) + more) : map.init(key, more));
  const put = (map, key, value) => (map.has(key) ? map.set(key, value) : map.init(key, value));
  const counts = provide('counts', () => VatData.makeScalarBigMapStore('counts', { durable: true }));
  const tokens = provide('tokens', () => VatData.makeScalarBigMapStore('tokens', { durable: true }));
  const makeToken = VatData.defineDurableKind(
    provide('token kind', () => VatData.makeKindHandle('token')),
    () => ({ uses: 0 }),
    {
      use: ({ state }) => {
        state.uses += 1;
      },
    },
  );
  const token = provide('token', makeToken);
  add(baggage, 'starts', 1);

  return Far('ledger', {
    bootstrap: vats => Promise.all([E(vats.ann).meet(vats.ben), E(vats.ben).meet(vats.cat), E(vats.cat).meet(vats.ann)]),
    meet: other => baggage.init('next', other),
    // Notes it, and has `hops` more vats note it.
    note: (number, hops, theirs) => {
      const slot = `slot ${number % 10}`;
      add(counts, slot, 1);
      if (theirs) {
        put(tokens, slot, theirs);
        E(theirs).use().catch(() => {});
      }
      if (hops > 0) {
        E(baggage.get('next')).note(number, hops - 1, token).catch(() => {});
      }
    },
    starts: () => baggage.get('starts'),
    total: () => [...counts.values()].reduce((sum, count) => sum + count, 0),
    uses: () => tokens.getSize(),
  });
};
