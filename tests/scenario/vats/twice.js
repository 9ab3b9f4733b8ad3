/* SPDX-License-Identifier: Apache-2.0 */
/* A vat that counts twice: in its storage, which is never lost, and in its heap, which may be. */
import { Far } from '@endo/far';

export const buildRootObject = (_vatPowers, _parameters, baggage) => {
  let inHeap = 0;
  if (!baggage.has('count')) {
    baggage.init('count', 0);
  }
  return Far('root', {
    bootstrap: () => {},
    count: () => {
      inHeap += 1;
      baggage.set('count', baggage.get('count') + 1);
      return `${baggage.get('count')} ${inHeap}`;
    },
  });
};
