/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes greeters. A greeter is a *durable* object: its state (the greeting) and its identity are kept in the storage, so
 * that whoever holds a reference can use it after this vat was restarted. That takes a kind, found again through baggage,
 * whose methods are defined anew at each start. An object made by Far() would be gone with the process.
 */
import { Far } from '@endo/far';

export const buildRootObject = ({ VatData }, _parameters, baggage) => {
  if (!baggage.has('greeterKind')) {
    baggage.init('greeterKind', VatData.makeKindHandle('greeter'));
  }
  const makeGreeter = VatData.defineDurableKind(baggage.get('greeterKind'), greeting => ({ greeting, guests: 0 }), {
    greet: ({ state }, name) => {
      state.guests += 1;
      return `${state.greeting}, ${name}! You are guest number ${state.guests}.`;
    },
  });
  return Far('maker', { makeGreeter });
};
