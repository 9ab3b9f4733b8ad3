// SPDX-License-Identifier: Apache-2.0
/*
 * tests/scenario/vats/chain.js - two vats that count the same: what one counts it tells the other. `compare` comes there behind
 * all that was told before, so the two numbers are equal unless something was lost or done twice.
 */
import { E, Far } from '@endo/far';

export const buildRootObject = (_vatPowers, _parameters, baggage) => {
  if (!baggage.has('count')) {
    baggage.init('count', 0);
  }
  const add = () => baggage.set('count', baggage.get('count') + 1);
  return Far('chain', {
    bootstrap: vats => E(vats.first).meet(vats.second),
    meet: other => baggage.init('other', other),
    step: () => {
      add();
      E(baggage.get('other')).add().catch(() => {});
      return baggage.get('count');
    },
    add,
    count: () => baggage.get('count'),
    compare: async () => {
      const mine = baggage.get('count');
      return [mine, await E(baggage.get('other')).count()];
    },
    // Makes the database larger.
    fill: megabytes => {
      for (let i = 0; i < megabytes * 10; i += 1) {
        baggage.init(`filling ${i}`, `${i}`.padEnd(100_000, '.'));
      }
    },
    // Leaves a promise that nobody settles: its decider and its subscriber are stored.
    wait: () => {
      E(baggage.get('other')).never().then(() => {}, () => {});
    },
    never: () => new Promise(() => {}),
  });
};
