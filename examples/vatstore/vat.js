/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One source, three vats: cluster.json launches it as alice, bob and carol, each with its own name as a parameter and its
 * own storage. Alice keeps a number; she asks bob and carol to go, and each of them bumps her number.
 *
 * Each delivery to a vat (a call, or the answer to one) is a crank, and what a crank changes in the vat's storage becomes
 * one checkpoint: all of it or nothing. Alice has six: her start, `bootstrap`, bob's bump, bob's answer, carol's bump,
 * carol's answer. tests/scenario/vatstore.sh knows them byte for byte.
 *
 *   vat run --config examples/vatstore/cluster.json
 *   vat store alice
 */
import { E, Far } from '@endo/far';

export const buildRootObject = (_vatPowers, { name }, baggage) =>
  Far('root', {
    bootstrap: async vats => {
      if (!baggage.has('thing')) {
        baggage.init('thing', 1);
      }
      baggage.init('goAway', 'now you see me');
      // E() sends a message and gives a promise for its answer at once: bob and carol go at the same time.
      const fromBob = E(vats.bob).go(name, vats.alice);
      const fromCarol = E(vats.carol).go(name, vats.alice);
      await fromBob;
      await fromCarol;
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
