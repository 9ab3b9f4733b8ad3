/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vat of embed.c: a counter that has each number stamped by a service of its host. The service is an object like any
 * other; kept in `baggage`, it is there again after a restart.
 */
import { E } from '@endo/eventual-send';
import { Far } from '@endo/far';

export const buildRootObject = (_vatPowers, _parameters, baggage) =>
  Far('counter', {
    bootstrap: (_vats, { notary }) => {
      baggage.init('notary', notary);
      baggage.init('count', 0);
    },
    increment: async () => {
      const count = baggage.get('count') + 1;
      baggage.set('count', count);
      await E(baggage.get('notary')).stamp(count);
      return count;
    },
  });
