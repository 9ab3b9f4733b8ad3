// SPDX-License-Identifier: Apache-2.0
// What is being done: one line that is rewritten on a terminal, plain lines elsewhere.
import process from 'node:process';

const began = performance.now();
let written = false;

const clock = () => {
  const seconds = Math.floor((performance.now() - began) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
};

export const progress = text => {
  const line = `[${clock()}] ${text}`;
  if (process.stderr.isTTY) {
    process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
    written = true;
  } else {
    process.stderr.write(`${line}\n`);
  }
};

/** A line that stays. */
export const say = text => {
  if (written) {
    process.stderr.write('\r\x1b[K');
    written = false;
  }
  process.stderr.write(`${text}\n`);
};
