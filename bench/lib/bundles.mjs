// SPDX-License-Identifier: Apache-2.0
// The vats' bundles: by `vat bundle` for vatd, by the peers' own bundler for them. They are made anew when a source has changed.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

import { PEERS } from './peers.mjs';
import { progress } from './progress.mjs';

const isNewer = (a, b) => !existsSync(b) || statSync(a).mtimeMs > statSync(b).mtimeMs;

export const makeBundles = (root, build, peers) => {
  const sources = path.join(root, 'bench/vats');
  const bundles = path.join(root, 'build/bench/bundles');
  const bundler = path.join(build, 'vat');
  mkdirSync(bundles, { recursive: true });
  const vats = readdirSync(sources).filter(file => file.endsWith('.js'));
  for (const vat of vats.filter(file => !file.startsWith('swingset'))) {
    const bundle = path.join(bundles, vat.replace(/js$/, 'bundle'));
    if (isNewer(path.join(sources, vat), bundle) || isNewer(bundler, bundle)) {
      execFileSync(bundler, ['bundle', path.join(sources, vat), '-o', bundle], { stdio: 'pipe' });
    }
  }
  const kernel = path.join(bundles, 'swingset-kernel.zip.json');
  if (peers.some(name => PEERS[name].needs) && vats.some(vat => isNewer(path.join(sources, vat), kernel))) {
    progress("bundling with the peers' bundler");
    execFileSync(process.execPath, [path.join(root, 'bench/bundle.mjs'), bundles], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return bundles;
};
