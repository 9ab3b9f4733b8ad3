// SPDX-License-Identifier: Apache-2.0
// The negative control: answers every command at once and does nothing. A workload that it passes looks at nothing.
import process from 'node:process';
import readline from 'node:readline';

const reply = value => process.stdout.write(`${JSON.stringify({ ok: true, seconds: 1e-6, ...value })}\n`);

const answers = {
  launch: ({ vats }) => ({ roots: Object.fromEntries(Object.keys(vats).map((name, at) => [name, `ko${at + 1}`])) }),
  burst: ({ count }) => ({ answered: count, p50: 1e-6, p99: 1e-6 }),
};

reply({});
for await (const line of readline.createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  reply(answers[command.op]?.(command) ?? { value: null });
}
