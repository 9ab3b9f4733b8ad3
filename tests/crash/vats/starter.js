/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the chains of the kill test together: a -> b -> c and d -> c. */
import { E, Far } from './far.js';

export const buildRootObject = () =>
  Far('starter', {
    bootstrap: async ({ a, b, c, d }) => {
      await Promise.all([E(a).connect(b), E(b).connect(c), E(d).connect(c)]);
    },
  });
