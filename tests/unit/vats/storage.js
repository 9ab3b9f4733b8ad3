/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/vats/storage.js - the vat of the storage scenario: what it writes, and when, is fixed (tests say why). */
import { E, Far } from '@endo/far';

export const buildRootObject = (_vatPowers, { name }, baggage) =>
  Far('root', {
    bootstrap: async vats => {
      if (!baggage.has('thing')) {
        baggage.init('thing', 1);
      }
      baggage.init('goAway', 'now you see me');
      const answers = [E(vats.bob).go(name, vats.alice), E(vats.carol).go(name, vats.alice)];
      await answers[0];
      await answers[1];
      baggage.delete('goAway');
      return name;
    },
    go: (from, bumpee) => {
      E(bumpee).bump(name);
      return `${name} saw ${from}`;
    },
    bump: _bumper => {
      baggage.set('thing', baggage.get('thing') + 1);
    },
  });
