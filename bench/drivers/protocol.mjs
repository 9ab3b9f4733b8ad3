// SPDX-License-Identifier: Apache-2.0
// The drivers' side of the protocol (README.md): commands on standard input, one reply for each on standard output. What a
// kernel library prints goes to standard error.
import process from 'node:process';
import readline from 'node:readline';

import { burst } from './burst.mjs';

const now = () => performance.now() / 1000;

/**
 * @param {{ open(command): Promise<void>, close(): Promise<void>, launch(vats): Promise<Record<string, string>>,
 *   call(target, method, args): Promise<unknown>, sender(): object }} kernel  `sender` is for burst.mjs
 */
export const serve = async kernel => {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
  const reply = value => write(`${JSON.stringify(value)}\n`);
  const operations = {
    open: async command => kernel.open(command),
    close: async () => kernel.close(),
    launch: async command => ({ roots: await kernel.launch(command.vats) }),
    call: async command => ({ value: await kernel.call(command.target, command.method, command.args) }),
    burst: async command => burst(kernel.sender(), command),
    snapshot: async () => kernel.snapshot?.(),
  };
  reply({ ok: true }); // it has started
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    const began = now();
    try {
      const result = await operations[command.op](command);
      reply({ ok: true, seconds: now() - began, ...result });
    } catch (error) {
      reply({ ok: false, error: String(error?.message ?? error) });
    }
  }
  process.exit(0);
};
