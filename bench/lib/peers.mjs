// SPDX-License-Identifier: Apache-2.0
// Who is measured, and how each is started. A name with @tmpfs or @disk says where its database is when that is not its usual
// place.
import fs from 'node:fs';
import path from 'node:path';

const node = (root, script, ...args) => [process.execPath, path.join(root, 'bench/drivers', script), ...args];

const benchVatd = root => [path.join(root, 'build/release/bench/bench_vatd')];

// What is compiled when the peers are installed.
const BINDINGS = {
  swingset: ['better-sqlite3/build/Release/better_sqlite3.node', 'microtime/build/Release/microtime.node'],
  typescript: ['@metamask/kernel-store/node_modules/better-sqlite3/build/Release/better_sqlite3.node'],
};

/** durable: what it has answered survives a kill; free: durability costs nothing there; no: it answers before it commits. */
export const PEERS = {
  vatd: { label: 'vatd', command: benchVatd, medium: 'disk', durable: 'durable', speed: 'fast' },
  'vatd-socket': {
    label: 'vatd, through the daemon',
    command: root => node(root, 'daemon.mjs'),
    medium: 'disk',
    durable: 'durable',
    speed: 'fast',
  },
  'swingset-local': {
    label: 'SwingSet local',
    command: root => node(root, 'swingset.mjs', 'local'),
    medium: 'disk',
    durable: 'durable',
    speed: 'medium',
    needs: ['@agoric/swingset-vat', ...BINDINGS.swingset],
  },
  'swingset-xsnap': {
    label: 'SwingSet xsnap',
    command: root => node(root, 'swingset.mjs', 'xsnap'),
    medium: 'disk',
    durable: 'durable',
    speed: 'slow',
    needs: [
      '@agoric/swingset-vat',
      ...BINDINGS.swingset,
      '@agoric/xsnap/xsnap-native/xsnap/build/bin/lin/release/xsnap-worker',
    ],
  },
  'vatd@tmpfs': { label: 'vatd, tmpfs', command: benchVatd, medium: 'tmpfs', durable: 'free', speed: 'fast' },
  typescript: {
    label: 'TypeScript 0.5.0, tmpfs',
    command: root => node(root, 'typescript.mjs'),
    medium: 'tmpfs',
    durable: 'no',
    speed: 'medium',
    needs: ['@metamask/ocap-kernel', ...BINDINGS.typescript],
  },
  'typescript@disk': {
    label: 'TypeScript 0.5.0, disk, NOT DURABLE',
    command: root => node(root, 'typescript.mjs'),
    medium: 'disk',
    durable: 'no',
    speed: 'medium',
    needs: ['@metamask/ocap-kernel', ...BINDINGS.typescript],
  },
};

/** Whether what a peer needs has been installed; else the first thing that is missing. */
export const missingFor = (root, name) =>
  (PEERS[name].needs ?? []).find(file => !fs.existsSync(path.join(root, 'bench/node_modules', file)));
