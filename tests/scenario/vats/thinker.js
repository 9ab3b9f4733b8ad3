/* SPDX-License-Identifier: Apache-2.0 */
/* tests/scenario/vats/thinker.js - a vat that is busy for as long as it is told. */
import { Far } from '@endo/far';

export const buildRootObject = () =>
  Far('thinker', {
    bootstrap: () => {},
    think: steps => {
      let sum = 0;
      for (let i = 0; i < steps; i += 1) {
        sum += i % 7;
      }
      return sum;
    },
  });
