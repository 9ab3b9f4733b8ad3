/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host introduces two vats that know nothing of each other: it asks the maker for a greeter and hands that to the
 * guest. From then on the guest can use the greeter, and only the greeter: not the maker, not the host. To have a
 * reference is to have the permission.
 *
 *   vat run --config examples/greeter/cluster.json
 *   vat call guest visit Ada
 */
import { E, Far } from '@endo/far';

export const buildRootObject = () =>
  Far('host', {
    // `greeter` is only a promise here, and may be sent on: no need to wait for the maker's answer.
    bootstrap: ({ maker, guest }) => {
      const greeter = E(maker).makeGreeter('Hello');
      return E(guest).meet(greeter);
    },
  });
