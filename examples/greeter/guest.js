/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the greeter it was introduced to: a reference to another vat's object is as good a thing to store as a number. */
import { E, Far } from '@endo/far';

export const buildRootObject = (_vatPowers, _parameters, baggage) =>
  Far('guest', {
    meet: async greeter => {
      baggage.init('greeter', await greeter);
      return E(baggage.get('greeter')).greet('guest');
    },
    visit: name => E(baggage.get('greeter')).greet(name),
  });
