// SPDX-License-Identifier: Apache-2.0
// A driver: a process with one kernel in it, asked with one line and answering with one (README.md has the commands).
import { spawn } from 'node:child_process';
import process from 'node:process';
import readline from 'node:readline';

import { processTree, pssBytes } from './memory.mjs';

export class NotFinished extends Error {}

export class Driver {
  #child;
  #name;
  #limit;
  #waiting = [];
  #errors = '';
  #ended = false;
  #gone;

  /** `limit`: seconds for one answer. */
  constructor(name, [program, ...args], env, limit) {
    this.#name = name;
    this.#limit = limit;
    this.startedAt = performance.now();
    this.#child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#gone = new Promise(resolve => this.#child.once('close', resolve));
    this.#child.on('error', error => this.#end(error.message));
    this.#child.on('close', (status, signal) => this.#end(signal ?? `status ${status}`));
    this.#child.stdin.on('error', () => {}); // told by close
    this.#child.stderr.on('data', text => {
      this.#errors = `${this.#errors}${text}`.slice(-2000);
    });
    readline.createInterface({ input: this.#child.stdout }).on('line', line => this.#onLine(line));
  }

  #onLine(line) {
    const { resolve, reject } = this.#waiting.shift() ?? {};
    try {
      resolve?.(JSON.parse(line));
    } catch {
      reject(Error(`the driver of ${this.#name} said: ${line}`));
    }
  }

  /** With all that it has started: a daemon does not end with who started it. */
  #kill() {
    for (const pid of processTree(this.#child.pid).reverse()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it has ended meanwhile
      }
    }
  }

  #end(how) {
    this.#ended = true;
    for (const { reject } of this.#waiting.splice(0)) {
      reject(Error(`the driver of ${this.#name} ended: ${how} ${this.#errors}`));
    }
  }

  #answer() {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new NotFinished(`not finished in ${this.#limit} s`));
        this.#kill();
      }, this.#limit * 1000);
      const settle = done => value => {
        clearTimeout(timer);
        done(value);
      };
      this.#waiting.push({ resolve: settle(resolve), reject: settle(reject) });
    });
  }

  async started() {
    await this.#answer();
  }

  async ask(op, params = {}) {
    if (this.#ended) {
      throw Error(`the driver of ${this.#name} is gone: ${this.#errors}`);
    }
    const answer = this.#answer();
    this.#child.stdin.write(`${JSON.stringify({ op, ...params })}\n`);
    const { ok, error, ...result } = await answer;
    if (!ok) {
      const said = this.#errors.trim().split('\n').slice(-3).join(' | ');
      throw Error(said ? `${error} (it said: ${said})` : error);
    }
    return result;
  }

  async call(target, method, ...args) {
    return (await this.ask('call', { target, method, args })).value;
  }

  /** Bytes of the process and all below it, pages that are shared counted by share; undefined where that cannot be read. */
  memory() {
    return pssBytes(processTree(this.#child.pid));
  }

  /** Seconds since the process was started. */
  age() {
    return (performance.now() - this.startedAt) / 1000;
  }

  async stop() {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#kill(), this.#limit * 1000);
    await this.#gone;
    clearTimeout(timer);
  }
}
