/* SPDX-License-Identifier: Apache-2.0 */
/* The vat of the full disk's test: each increment also keeps a text, so that the disk becomes full. */
import { Far } from './far.js';

export const buildRootObject = (_vatPowers, _parameters, baggage) => {
  if (!baggage.has('count')) {
    baggage.init('count', 0);
  }
  return Far('hoard', {
    bootstrap: () => {},
    increment: size => {
      const count = baggage.get('count') + 1;
      baggage.set('count', count);
      baggage.init(`text.${count}`, 'x'.repeat(size));
      return count;
    },
    read: () => baggage.get('count'),
  });
};
