/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A counter that outlives its process. `baggage` is the vat's storage, a map with text keys: what is in it is there again
 * after a restart, a crash or a power cut. `buildRootObject` runs at each start of the vat; so it looks before it writes.
 * `bootstrap` is called once in the vat's life.
 *
 *   vat run examples/counter.js
 *   vat call counter increment
 */
import { Far } from '@endo/far';

export const buildRootObject = (_vatPowers, _parameters, baggage) => {
  if (!baggage.has('count')) {
    baggage.init('count', 0);
  }
  return Far('counter', {
    bootstrap: () => {},
    increment: () => {
      baggage.set('count', baggage.get('count') + 1);
      return baggage.get('count');
    },
    read: () => baggage.get('count'),
  });
};
