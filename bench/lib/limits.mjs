// SPDX-License-Identifier: Apache-2.0
// What the machine and the engine allow, probed in the same run as everything else.
import { execFileSync } from 'node:child_process';
import path from 'node:path';

const run = (program, ...args) => JSON.parse(execFileSync(program, args.map(String), { encoding: 'utf8' }));

/** Transactions, syncs and round trips per second; `xsSet` and `xsPing`: deliveries per second of the bare engine. */
export const probe = ({ build, directory, bundle, keys, messages, milliseconds }) => {
  const machine = run(path.join(build, 'bench/limits'), directory, milliseconds);
  const engine = run(path.join(build, 'bench/limits_xs'), path.join(build, 'vat-worker.snapshot'), bundle, keys, messages);
  return { ...machine, xsSet: engine.set, xsPing: engine.ping };
};
