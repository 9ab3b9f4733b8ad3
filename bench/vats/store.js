// SPDX-License-Identifier: Apache-2.0
// W1, W1p, W3, W4, W5, W5h: a durable map of strings in the baggage, and a number that only the heap has.
import { Far } from '@endo/far';

const KEY_DIGITS = 7;
const keyOf = number => `k${String(number).padStart(KEY_DIGITS, '0')}`;

export const buildRootObject = ({ VatData }, _parameters, baggage) => {
  if (!baggage.has('map')) {
    baggage.init('map', VatData.makeScalarBigMapStore('map', { durable: true }));
  }
  const map = baggage.get('map');
  let visits = 0;
  return Far('store', {
    bootstrap: () => {},
    fill: (first, count, value) => {
      for (let number = first; number < first + count; number += 1) {
        map.init(keyOf(number), value);
      }
    },
    set: (number, value) => map.set(keyOf(number), value),
    get: number => map.get(keyOf(number)),
    has: number => map.has(keyOf(number)),
    ping: () => {},
    visit: () => {
      visits += 1;
      return visits;
    },
  });
};
