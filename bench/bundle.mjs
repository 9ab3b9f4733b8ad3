// SPDX-License-Identifier: Apache-2.0
// `node bundle.mjs OUTPUT`: the vats' bundles as the peers' own bundler makes them, and SwingSet's kernel's, made once so that
// no start pays for it.
import '@endo/init';
import bundleSource from '@endo/bundle-source';
import { buildKernelBundles } from '@agoric/swingset-vat';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const [output] = process.argv.slice(2);
const write = (name, bundle) => fs.writeFileSync(path.join(output, `${name}.zip.json`), JSON.stringify(bundle));

for (const name of ['store', 'pair', 'market', 'hub', 'swingset-bootstrap']) {
  write(name, await bundleSource(fileURLToPath(new URL(`vats/${name}.js`, import.meta.url))));
}
write('swingset-kernel', await buildKernelBundles());
