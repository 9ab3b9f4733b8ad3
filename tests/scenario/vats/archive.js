// SPDX-License-Identifier: Apache-2.0
// A vat whose storage is much larger than what its worker may keep of it: a durable map of `size` entries. What an entry's value should be is
// told by its number and by how often it was written anew, so that the vat can say how far what it reads is right.
import { Far } from '@endo/far';

const KEY_DIGITS = 7;
const VALUE_SIZE = 100;
const keyOf = number => `k${String(number).padStart(KEY_DIGITS, '0')}`;
const valueOf = (number, edition) => `${number}.${edition}.`.padEnd(VALUE_SIZE, 'x');

export const buildRootObject = ({ VatData }, _parameters, baggage) => {
  if (!baggage.has('map')) {
    baggage.init('map', VatData.makeScalarBigMapStore('map', { durable: true }));
  }
  const map = baggage.get('map');
  return Far('archive', {
    bootstrap: () => {},
    fill: (first, count) => {
      for (let number = first; number < first + count; number += 1) {
        map.init(keyOf(number), valueOf(number, 0));
      }
    },
    has: number => map.has(keyOf(number)),
    get: number => map.get(keyOf(number)).split('x')[0],
    ping: () => 'pong',
    // Entries from `first` to before `end`: how many there are, the sum of their numbers, and whether each is what it should be.
    walk: (first, end, edition) => {
      let count = 0;
      let sum = 0;
      let right = true;
      let before = '';
      for (const [key, value] of map.entries()) {
        const number = Number(key.slice(1));
        if (number >= end) {
          break;
        }
        right &&= key > before && (number < first || value === valueOf(number, edition));
        before = key;
        if (number >= first) {
          count += 1;
          sum += number;
        }
      }
      return `${count} ${sum} ${right}`;
    },
    // Whether every so many-th entry has its first value.
    sample: (first, end, step) => {
      let right = true;
      for (let number = first; number < end; number += step) {
        right &&= map.get(keyOf(number)) === valueOf(number, 0);
      }
      return right;
    },
    // Every so many-th entry is written anew, and read back while the crank is not over.
    rewrite: (first, end, step, edition) => {
      let right = true;
      for (let number = first; number < end; number += step) {
        map.set(keyOf(number), valueOf(number, edition));
        right &&= map.get(keyOf(number)) === valueOf(number, edition);
      }
      return right;
    },
    // Deletes a range, looks for it in the same crank, and says how many are left.
    removeRange: (first, end) => {
      for (let number = first; number < end; number += 1) {
        map.delete(keyOf(number));
      }
      let found = 0;
      for (let number = first; number < end; number += 1) {
        found += map.has(keyOf(number)) ? 1 : 0;
      }
      return `${found} ${map.getSize()}`;
    },
    clear: () => {
      map.clear();
      return map.getSize();
    },
  });
};
