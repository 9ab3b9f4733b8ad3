// SPDX-License-Identifier: Apache-2.0
// W7: one vat sends to many objects in other vats at once, and waits until all have heard.
import { E, Far } from '@endo/far';

export const buildRootObject = () => {
  const listeners = [];
  let heard = 0;
  return Far('hub', {
    bootstrap: () => {},
    makeListeners: count =>
      Array.from({ length: count }, (_none, number) =>
        Far(`listener ${number}`, {
          hear: () => {
            heard += 1;
          },
        }),
      ),
    heard: () => heard,
    enlist: async (member, count) => {
      listeners.push(...(await E(member).makeListeners(count)));
      return listeners.length;
    },
    broadcast: async text => {
      await Promise.all(listeners.map(listener => E(listener).hear(text)));
    },
  });
};
