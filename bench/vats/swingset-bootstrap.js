// SPDX-License-Identifier: Apache-2.0
// SwingSet makes vats at run time only through a vat of its own: this one asks it, and keeps their roots.
import { E, Far } from '@endo/far';

export const buildRootObject = () => {
  let admin;
  const roots = [];
  return Far('bootstrap', {
    bootstrap: async (vats, devices) => {
      admin = await E(vats.vatAdmin).createVatAdminService(devices.vatAdmin);
    },
    launch: async (bundleName, name) => {
      const bundlecap = await E(admin).getNamedBundleCap(bundleName);
      const { root } = await E(admin).createVat(bundlecap, { name, vatParameters: {} });
      roots.push(root);
      return root;
    },
  });
};
