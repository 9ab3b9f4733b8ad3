// SPDX-License-Identifier: Apache-2.0
// Lives beside a villain and goes on with its work.
import { Far } from '@endo/far';

export function buildRootObject(_powers, _parameters, baggage) {
  if (!baggage.has('count')) baggage.init('count', 0);
  return Far('neighbour', {
    bootstrap: () => {},
    ping: () => {
      baggage.set('count', baggage.get('count') + 1);
      return 'pong';
    },
    take: () => {},
  });
}
