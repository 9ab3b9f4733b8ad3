/* SPDX-License-Identifier: Apache-2.0 */
/* tests/scenario/vats/fragile.js - starts until it has been broken. */
import { Far } from '@endo/far';

export const buildRootObject = (_vatPowers, _parameters, baggage) => {
  if (baggage.has('broken')) {
    baggage.init('tried', true);
    throw TypeError('broken since');
  }
  return Far('fragile', {
    bootstrap: () => {},
    break: () => baggage.init('broken', true),
    hello: () => 'hello',
  });
};
