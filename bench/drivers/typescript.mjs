// SPDX-License-Identifier: Apache-2.0
// MetaMask's ocap-kernel as published on npm, in the driver's process, each vat in a worker thread as its Node runtime has
// them (that runtime itself is not published). This release answers before it commits.
import '@metamask/kernel-shims/endoify';
import { makeSQLKernelDatabase } from '@metamask/kernel-store/sqlite/nodejs';
import { isJsonRpcMessage } from '@metamask/kernel-utils';
import { Logger } from '@metamask/logger';
import { Kernel, krefOf, kslot, kunser } from '@metamask/ocap-kernel';
import { NodeWorkerDuplexStream } from '@metamask/streams';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { MessageChannel, Worker } from 'node:worker_threads';

import { serve } from './protocol.mjs';

console.debug = () => {}; // this release tells every message there

const { BENCH_BUNDLES } = process.env;
const workers = new Map();
const silent = new Logger({ transports: [] });
let kernel;

const vatWorkerService = harden({
  launch: async vatId => {
    const worker = new Worker(new URL('typescript-worker.mjs', import.meta.url), { env: { ...process.env, VAT_ID: vatId } });
    await new Promise((resolve, reject) => {
      worker.once('online', resolve);
      worker.once('error', reject);
    });
    workers.set(vatId, worker);
    return NodeWorkerDuplexStream.make(worker, isJsonRpcMessage);
  },
  terminate: async vatId => {
    await workers.get(vatId).terminate();
    workers.delete(vatId);
  },
  terminateAll: async () => {
    await Promise.all([...workers.values()].map(worker => worker.terminate()));
    workers.clear();
  },
});

const makeCommandStream = async () => {
  const { port1, port2 } = new MessageChannel();
  const [ours] = await Promise.all([NodeWorkerDuplexStream.make(port1), NodeWorkerDuplexStream.make(port2)]);
  return ours;
};

const toArgument = value => (value?.$ref ? kslot(value.$ref) : value);
const fromResult = value => {
  const kref = typeof value === 'object' && value !== null ? krefOf(value) : undefined;
  return kref ? { $ref: kref } : value;
};

const send = async (target, method, args) => {
  const answer = await kernel.queueMessage(target, method, args.map(toArgument));
  if (answer.body.startsWith('#{"#error"')) {
    throw Error(answer.body);
  }
  return answer;
};

await serve({
  // The library puts its databases below the temporary directory.
  open: async ({ database }) => {
    fs.mkdirSync(database, { recursive: true });
    process.env.TMPDIR = database;
    const kernelDatabase = await makeSQLKernelDatabase({ dbFilename: 'kernel.sqlite' });
    kernel = await Kernel.make(await makeCommandStream(), vatWorkerService, kernelDatabase, { logger: silent });
  },
  close: async () => vatWorkerService.terminateAll(),
  launch: async bundles => {
    const names = Object.keys(bundles);
    const before = new Set(kernel.getVatIds());
    const vats = Object.fromEntries(
      Object.entries(bundles).map(([name, bundle]) => {
        const file = path.join(BENCH_BUNDLES, `${path.parse(bundle).name}.zip.json`);
        return [name, { bundleSpec: `file://${file}`, parameters: {} }];
      }),
    );
    await kernel.launchSubcluster({ bootstrap: names[0], vats });
    const launched = kernel.getVatIds().filter(id => !before.has(id));
    return Object.fromEntries(names.map((name, at) => [name, kernel.pinVatRoot(launched[at])]));
  },
  call: async (target, method, args) => fromResult(kunser(await send(target, method, args))),
  sender: () => ({ send }),
});
