/* SPDX-License-Identifier: Apache-2.0 */
/* Makes objects and promises, hands them on, and forgets them. `next`, kept durably, is whom to hand them to. */
import { E, Far } from '@endo/far';

export const buildRootObject = (_vatPowers, { name }, baggage) => {
  const next = () => baggage.get('next');
  let kept = [];
  const makeThing = number => Far(`thing ${number} of ${name}`, { number: () => number });

  return Far('litter', {
    bootstrap: vats => Promise.all([E(vats.ann).meet(vats.ben), E(vats.ben).meet(vats.cat), E(vats.cat).meet(vats.ann)]),
    meet: other => {
      baggage.init('next', other);
    },
    // Makes `count` things, passes each on with a promise for another, and waits until all have been looked at.
    litter: async count => {
      const numbers = [];
      for (let i = 0; i < count; i += 1) {
        numbers.push(E(next()).look(makeThing(i), Promise.resolve(makeThing(-i)), 2));
      }
      const answers = await Promise.all(numbers);
      return answers.length;
    },
    // Asks a thing for its number, and passes it on `hops` times.
    look: async (thing, promise, hops) => {
      const number = await E(thing).number();
      await E(promise).number();
      return hops > 0 ? E(next()).look(thing, promise, hops - 1) : number;
    },
    keep: thing => {
      kept.push(thing);
    },
    give: () => E(next()).keep(makeThing('given')),
    forget: () => {
      kept = [];
    },
    rest: () => 'rested',
  });
};
