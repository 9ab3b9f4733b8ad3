// SPDX-License-Identifier: Apache-2.0
// vatd as most people have it: the daemon, in a process of its own, asked over its Unix socket.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import process from 'node:process';

import { serve } from './protocol.mjs';

const IN_FLIGHT = 2000; // requests of one connection, docs/rpc.md

let daemon;
let socket;
let nextId = 1;
const waiting = new Map();

const onLine = line => {
  const answer = JSON.parse(line);
  const { resolve, reject } = waiting.get(answer.id);
  waiting.delete(answer.id);
  if (answer.error) {
    reject(Error(answer.error.message));
  } else {
    resolve(answer.result);
  }
};

const readLines = () => {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', text => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    lines.forEach(onLine);
  });
};

const request = (method, params) =>
  new Promise((resolve, reject) => {
    const id = nextId;
    nextId += 1;
    waiting.set(id, { resolve, reject });
    socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
  });

const connect = file =>
  new Promise((resolve, reject) => {
    const candidate = net.connect(file, () => resolve(candidate)).on('error', reject);
  });

const connectSoon = async file => {
  for (;;) {
    try {
      return await connect(file);
    } catch (error) {
      if (daemon.exitCode !== null) {
        throw Error(`vatd ended with status ${daemon.exitCode}`);
      }
      await new Promise(resolve => setTimeout(resolve, 1));
    }
  }
};

// Results of the workloads are plain data, undefined, or references: smallcaps strings have a prefix only when they need one.
const decode = ({ body, slots }) => {
  const data = JSON.parse(body.slice(1));
  if (data === '#undefined') {
    return null;
  }
  return typeof data === 'string' && data.startsWith('$') ? { $ref: slots[0] } : data;
};

let inFlight = 0;
const parked = [];
const send = async (target, method, args) => {
  while (inFlight >= IN_FLIGHT) {
    await new Promise(resolve => parked.push(resolve));
  }
  inFlight += 1;
  try {
    return await request('queueMessage', { target, method, args });
  } finally {
    inFlight -= 1;
    parked.shift()?.();
  }
};

await serve({
  open: async ({ database }) => {
    mkdirSync(database, { recursive: true, mode: 0o700 });
    const program = path.join(process.env.VATD_PROGRAMS, 'vatd');
    daemon = spawn(program, ['--home', database], { stdio: ['ignore', 'ignore', 'inherit'] });
    process.once('exit', () => daemon.kill('SIGKILL')); // it has been told to end, but for errors
    socket = await connectSoon(path.join(database, 'vatd.sock'));
    readLines();
    await request('ping', {});
  },
  close: async () => {
    const ended = new Promise(resolve => daemon.once('exit', resolve));
    await request('shutdown', {});
    await ended;
  },
  launch: async bundles => {
    const vats = Object.fromEntries(Object.entries(bundles).map(([name, bundleSpec]) => [name, { bundleSpec }]));
    const launched = await request('launchSubcluster', { config: { bootstrap: Object.keys(vats)[0], vats } });
    return Object.fromEntries(launched.vats.map(({ name, root }) => [name, root]));
  },
  call: async (target, method, args) => decode(await send(target, method, args)),
  sender: () => ({ send }),
});
