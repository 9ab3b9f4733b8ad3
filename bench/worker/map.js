/* SPDX-License-Identifier: Apache-2.0 */
/* bench/worker/map.js - a vat with a durable map of many keys, for deliveries.c. */
import { E, Far } from '@endo/far';

const { makeScalarBigMapStore } = VatData;

const provide = (baggage, key, make) => {
  if (!baggage.has(key)) {
    baggage.init(key, make());
  }
  return baggage.get(key);
};

export const buildRootObject = (_vatPowers, _parameters, baggage) => {
  const map = provide(baggage, 'map', () => makeScalarBigMapStore('map', { durable: true }));
  return Far('root', {
    fill: (from, to, value) => {
      for (let i = from; i < to; i += 1) {
        map.init(`key${i}`, value);
      }
    },
    count: () => {
      baggage.init('count', 1);
    },
    set: (key, value) => map.set(key, value),
    bump: () => {
      baggage.set('count', baggage.get('count') + 1);
    },
    hello: () => {},
    burst: (friend, count) => {
      for (let i = 0; i < count; i += 1) {
        E(friend).hello();
      }
    },
  });
};
