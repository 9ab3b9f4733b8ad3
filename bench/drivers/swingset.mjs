// SPDX-License-Identifier: Apache-2.0
// SwingSet, in the driver's process: `node swingset.mjs local` has vats in its own thread, `xsnap` in an XS process each.
// The host does what a host must: queue, run the kernel, commit; a message counts as answered when it is committed.
import '@endo/init';
import { kslot, kunser, krefOf } from '@agoric/kmarshal';
import { initSwingStore, openSwingStore } from '@agoric/swing-store';
import { initializeSwingset, makeSwingsetController } from '@agoric/swingset-vat';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';

import { serve } from './protocol.mjs';

const REAP_INTERVAL = 1000; // the default, 1, collects after every delivery: `local` is 16 times slower with it

const [worker] = process.argv.slice(2);
const { BENCH_BUNDLES } = process.env;

const readBundle = name => JSON.parse(fs.readFileSync(path.join(BENCH_BUNDLES, `${name}.zip.json`), 'utf8'));

let controller;
let storage;

const configuration = () => ({
  bootstrap: 'bootstrap',
  defaultManagerType: worker,
  defaultReapInterval: REAP_INTERVAL,
  vats: { bootstrap: { bundle: readBundle('swingset-bootstrap'), creationOptions: { managerType: 'local' } } },
  bundles: Object.fromEntries(
    ['store', 'pair', 'market', 'hub'].map(name => [name, { bundle: readBundle(name) }]),
  ),
});

const toArgument = value => (value?.$ref ? kslot(value.$ref) : value);
const fromResult = value => {
  const kref = typeof value === 'object' && value !== null ? krefOf(value) : undefined;
  return kref ? { $ref: kref } : value;
};

const queue = ([target, method, args]) =>
  target === 'bootstrap'
    ? controller.queueToVatRoot(target, method, args, 'ignore')
    : controller.queueToVatObject(kslot(target), method, args.map(toArgument), 'ignore');

const resultOf = kpid => {
  const status = controller.kpStatus(kpid);
  const data = controller.kpResolution(kpid);
  if (status !== 'fulfilled') {
    throw Error(`${status}: ${data && data.body}`);
  }
  return kunser(data);
};

const sendAll = async messages => {
  const promises = messages.map(queue);
  await controller.run();
  const results = promises.map(resultOf);
  await storage.hostStorage.commit();
  return results;
};

const send = async (...message) => (await sendAll([message]))[0];

await serve({
  open: async ({ database }) => {
    const isNew = !fs.existsSync(database);
    storage = isNew ? initSwingStore(database) : openSwingStore(database);
    const { kernel, ...vatBundles } = readBundle('swingset-kernel');
    if (isNew) {
      await initializeSwingset(configuration(), [], storage.kernelStorage, { kernelBundles: { kernel, ...vatBundles } });
    }
    controller = await makeSwingsetController(storage.kernelStorage, {}, { kernelBundle: kernel });
    if (isNew) {
      controller.pinVatRoot('bootstrap'); // nobody else holds it, and the next garbage collection would take it away
    }
    await controller.run();
    await storage.hostStorage.commit();
  },
  close: async () => {
    await controller.shutdown();
    await storage.hostStorage.close();
  },
  // Its host can have a heap snapshot made: the best case of a restart.
  snapshot: async () => {
    await controller.snapshotAllVats();
    await storage.hostStorage.commit();
  },
  launch: async bundles => {
    const roots = {};
    for (const [name, bundle] of Object.entries(bundles)) {
      const root = await send('bootstrap', 'launch', [path.parse(bundle).name, name]);
      roots[name] = krefOf(root);
    }
    return roots;
  },
  call: async (target, method, args) => fromResult(await send(target, method, args)),
  sender: () => ({ sendAll }),
});
