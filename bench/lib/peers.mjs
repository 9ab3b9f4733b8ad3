// SPDX-License-Identifier: Apache-2.0
// Who is measured, and how each is started. A name with @tmpfs or @disk says where its database is when that is not its usual
// place. `answers` is what an answer means: durable on a disk, committed to a file in memory, or given before the commit.
import fs from 'node:fs';
import path from 'node:path';

const node = (root, script, ...args) => [process.execPath, path.join(root, 'bench/drivers', script), ...args];

const benchVatd = (_root, build) => [path.join(build, 'bench/bench_vatd')];

// What is compiled when the peers are installed.
const BINDINGS = {
  swingset: ['better-sqlite3/build/Release/better_sqlite3.node', 'microtime/build/Release/microtime.node'],
  typescript: ['@metamask/kernel-store/node_modules/better-sqlite3/build/Release/better_sqlite3.node'],
};

/** A kernel that does nothing: it must fail every workload. */
export const CONTROL = 'idle';

export const PEERS = {
  vatd: { label: 'vatd', command: benchVatd, medium: 'disk', answers: 'durable', speed: 'fast' },
  'vatd-socket': {
    label: 'vatd, through the daemon',
    command: root => node(root, 'daemon.mjs'),
    medium: 'disk',
    answers: 'durable',
    speed: 'fast',
  },
  'swingset-local': {
    label: 'SwingSet local',
    command: root => node(root, 'swingset.mjs', 'local'),
    medium: 'disk',
    answers: 'durable',
    speed: 'medium',
    needs: ['@agoric/swingset-vat', ...BINDINGS.swingset],
  },
  'swingset-xsnap': {
    label: 'SwingSet xsnap',
    command: root => node(root, 'swingset.mjs', 'xsnap'),
    medium: 'disk',
    answers: 'durable',
    speed: 'slow',
    needs: [
      '@agoric/swingset-vat',
      ...BINDINGS.swingset,
      '@agoric/xsnap/xsnap-native/xsnap/build/bin/lin/release/xsnap-worker',
    ],
  },
  'vatd@tmpfs': { label: 'vatd, tmpfs', command: benchVatd, medium: 'tmpfs', answers: 'committed, tmpfs', speed: 'fastTmpfs' },
  typescript: {
    label: 'TypeScript 0.5.0, tmpfs',
    command: root => node(root, 'typescript.mjs'),
    medium: 'tmpfs',
    answers: 'NOT COMMITTED',
    speed: 'medium',
    needs: ['@metamask/ocap-kernel', ...BINDINGS.typescript],
  },
  'typescript@disk': {
    label: 'TypeScript 0.5.0, disk',
    command: root => node(root, 'typescript.mjs'),
    medium: 'disk',
    answers: 'NOT COMMITTED',
    speed: 'slow',
    needs: ['@metamask/ocap-kernel', ...BINDINGS.typescript],
  },
  [CONTROL]: {
    label: 'nothing (control)',
    command: root => node(root, 'idle.mjs'),
    medium: 'disk',
    answers: 'NOT COMMITTED',
    speed: 'fast',
  },
};

/** Whether what a peer needs has been installed; else the first thing that is missing. */
export const missingFor = (root, name) =>
  (PEERS[name].needs ?? []).find(file => !fs.existsSync(path.join(root, 'bench/node_modules', file)));
