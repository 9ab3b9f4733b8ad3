/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/scenario/vats/mill.js - one of three vats that hand each other things and promises by the hundred and forget them.
 * A turn makes `things` objects and `promises` promises for as many more, which go through two vats; `grind` makes many
 * turns, each in cranks of its own. `next`, kept durably, is whom to hand things to.
 */
import { E, Far } from '@endo/far';

export const buildRootObject = (_vatPowers, { name }, baggage) => {
  const next = () => baggage.get('next');
  const makeThing = number => Far(`thing ${number} of ${name}`, { number: () => number });

  const turn = (things, promises) => {
    const load = [];
    for (let i = 0; i < things; i += 1) {
      load.push(makeThing(i));
    }
    for (let i = 0; i < promises; i += 1) {
      load.push(Promise.resolve(makeThing(-i)));
    }
    return E(next()).pass(harden(load), 1);
  };

  return Far('mill', {
    bootstrap: vats => Promise.all([E(vats.ann).meet(vats.ben), E(vats.ben).meet(vats.cat), E(vats.cat).meet(vats.ann)]),
    meet: other => {
      baggage.init('next', other);
    },
    grind: async (turns, things, promises) => {
      let passed = 0;
      for (let i = 0; i < turns; i += 1) {
        passed += await turn(things, promises);
      }
      return passed;
    },
    // Waits for all of the load, asks the last thing for its number, and passes all of it on.
    pass: async (load, hops) => {
      const things = await Promise.all(load);
      await E(things[things.length - 1]).number();
      return hops > 0 ? E(next()).pass(load, hops - 1) : things.length;
    },
    rest: () => 'rested',
  });
};
