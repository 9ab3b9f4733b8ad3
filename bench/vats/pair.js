// SPDX-License-Identifier: Apache-2.0
// W2: a vat asks another and waits for the answer, again and again.
import { E, Far } from '@endo/far';

export const buildRootObject = () => {
  let other;
  let answered = 0;
  const ask = async times => {
    for (let time = 0; time < times; time += 1) {
      await E(other).answer();
    }
  };
  return Far('pair', {
    bootstrap: () => {},
    meet: peer => {
      other = peer;
    },
    answer: () => {
      answered += 1;
      return answered;
    },
    answered: () => answered,
    ask: async (times, inFlight) => {
      await Promise.all(Array.from({ length: inFlight }, () => ask(times / inFlight)));
    },
  });
};
