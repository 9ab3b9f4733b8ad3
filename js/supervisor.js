/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/supervisor.js - the second script of a worker: liveslots, and what the host calls.
 *
 * The host put its functions into the global `vatHost`; they are taken from there and the name is deleted. What the
 * host calls lies in the global `vatSupervisor` of the start realm. Vat code runs in a compartment and sees neither.
 *
 *   compile(bundle)               for a worker that has no vat: for an image from which workers of this bundle start
 *   start(vatID, config, bundle)  begins the init crank        (texts: VatConfig and bundle as JSON; the bundle may be
 *                                 missing where it was compiled)
 *   deliver(flat)                 begins a delivery's crank    (flat: see unflattenDelivery)
 *   runImmediate()                see quiescence.js
 *   rejections                    the engine appends the reason of every promise that ended rejected and unhandled
 *   noteRejections()              called when no promise job is left: the reasons become texts
 *   finish()                      called when all is quiet: tells the host how the crank ended
 *
 * Liveslots never sees an exception of vat code in a delivery: it rejects the result promise. So a rejected dispatch
 * means a failed start in the init crank and a broken liveslots in any other. What the kernel's restart relies on in
 * liveslots is written down, with places, in docs/liveslots.md.
 */
import { makeLiveSlots } from '@agoric/swingset-liveslots';
import { makeMarshal } from '@endo/marshal';
import { compileBundle } from './bundle-loader.js';
import { formatReason } from './format.js';
import { makeGlobals } from './globals.js';
import { makeGcAndFinalize, runImmediate, waitUntilQuiescent } from './quiescence.js';
import { makeSyscall } from './syscall.js';
import { makeConsole } from './vat-console.js';

const host = globalThis.vatHost;
delete globalThis.vatHost;

const rejections = [];
let notes = []; // {reason, text} of this crank's unhandled rejections
let outcome; // how dispatch ended: undefined | {ok: true} | {ok: false, reason}
let dispatch;

/* The engine meters everything in a crank, liveslots included: nothing is exempt, nothing has to be asserted. */
const meterControl = harden({
  isMeteringDisabled: () => false,
  assertIsMetered: () => {},
  assertNotMetered: () => {},
  runWithoutMetering: thunk => thunk(),
  runWithoutMeteringAsync: async thunk => thunk(),
  unmetered: func => func,
});

const gcTools = harden({
  WeakRef,
  FinalizationRegistry,
  waitUntilQuiescent,
  gcAndFinalize: makeGcAndFinalize(host.collectGarbage),
  meterControl,
});

const { toCapData } = makeMarshal(undefined, undefined, { serializeBodyFormat: 'smallcaps' });
const vatConsole = harden(makeConsole(host.log));
const liveSlotsConsole = harden(makeConsole(host.log, { stacks: true }));

const watchDispatch = promise => {
  outcome = undefined;
  notes = [];
  promise.then(
    () => {
      outcome = { ok: true };
    },
    reason => {
      outcome = { ok: false, reason };
    },
  );
};

/*
 * The kernel's objects come to this supervisor as presences that liveslots makes of slots in startVat's parameters, beside
 * the vat's own parameters, which are taken out again before the vat's code sees them (inTwo). They are held here as long as
 * the worker lives, so that liveslots never drops them.
 */
let kernelPresences;

const startData = (parameters, kernelObjects) => {
  const own = toCapData(harden(parameters));
  const names = Object.keys(kernelObjects);
  if (names.length === 0) {
    return own;
  }
  const members = names.map((name, slot) => `${JSON.stringify(name)}:"$${slot}.Alleged: ${name}"`);
  const body = `#{"parameters":${own.body.slice(1)},"kernelObjects":{${members.join(',')}}}`;
  return harden({ body, slots: names.map(name => kernelObjects[name]) });
};

/* The vat's namespace as liveslots gets it, when there are kernel objects. */
const inTwo = (namespace, provide) => {
  const { buildRootObject } = namespace;
  if (typeof buildRootObject !== 'function') {
    return namespace;
  }
  return {
    buildRootObject: (vatPowers, { parameters, kernelObjects }, baggage) => {
      kernelPresences = kernelObjects;
      provide(kernelPresences);
      return buildRootObject(vatPowers, parameters, baggage);
    },
  };
};

/* Kept when it has been run: its code lies between what the snapshot and the image brought, and nothing of that moves (vat-worker/heap_place.h). */
let compiled;

const compile = bundleText => {
  compiled = compileBundle(bundleText);
};

const start = (vatID, configText, bundleText) => {
  const { parameters = {}, globals = [], kernelObjects = {} } = JSON.parse(configText);
  const { endowments: granted, provide } = makeGlobals(vatID, globals, { host, console: vatConsole });
  const buildVatNamespace = async (endowments, inescapableGlobals) => {
    const all = { harden, console: vatConsole, assert, ...granted, ...endowments, ...inescapableGlobals };
    const run = compiled ?? compileBundle(bundleText);
    const namespace = run(all);
    return Object.keys(kernelObjects).length === 0 ? namespace : inTwo(namespace, provide);
  };
  const liveSlots = makeLiveSlots(
    makeSyscall(host),
    vatID,
    harden({}),
    harden({}),
    gcTools,
    liveSlotsConsole,
    buildVatNamespace,
  );
  dispatch = liveSlots.dispatch;
  watchDispatch(dispatch(harden(['startVat', startData(parameters, kernelObjects)])));
};

const makeReader = (flat, from) => {
  let at = from;
  const next = () => {
    at += 1;
    return flat[at - 1];
  };
  const list = () => {
    const count = next();
    at += count;
    return flat.slice(at - count, at);
  };
  const capData = () => ({ body: next(), slots: list() });
  return { next, list, capData };
};

/*
 *   "message", target, result | undefined, body, slotCount, ...slots
 *   "notify", count, (vpid, rejected, body, slotCount, ...slots)*
 *   "dropExports" | "retireExports" | "retireImports", count, ...vrefs
 *   "bringOutYourDead"
 */
const unflattenDelivery = flat => {
  const type = flat[0];
  if (type === 'message') { // most are, and need no reader
    return [type, flat[1], { methargs: { body: flat[3], slots: flat.slice(5) }, result: flat[2] }];
  }
  const { next, list, capData } = makeReader(flat, 1);
  switch (type) {
    case 'notify': {
      const resolutions = [];
      for (let count = next(); count > 0; count -= 1) {
        resolutions.push([next(), next(), capData()]);
      }
      return [type, resolutions];
    }
    case 'bringOutYourDead':
      return [type];
    default:
      return [type, list()];
  }
};

const deliver = flat => watchDispatch(dispatch(harden(unflattenDelivery(flat))));

const noteRejections = () => {
  if (rejections.length === 0) {
    return;
  }
  for (const reason of rejections.splice(0)) {
    notes.push({ reason, text: formatReason(reason) });
  }
};

/*
 * A failed start rejects inner promises with the same reason before anyone handles them: that is one failure, told
 * once.
 */
const reportUnhandled = () => {
  if (notes.length === 0) {
    return;
  }
  const told = new Set();
  if (outcome && !outcome.ok) {
    told.add(outcome.reason);
  }
  for (const { reason, text } of notes) {
    if (Object(reason) !== reason || !told.has(reason)) {
      told.add(reason);
      host.unhandled(text);
    }
  }
};

const finish = () => {
  reportUnhandled();
  if (outcome === undefined) {
    host.finished(false, 'dispatch never settled');
  } else {
    host.finished(outcome.ok, outcome.ok ? '' : formatReason(outcome.reason));
  }
};

globalThis.vatSupervisor = { compile, start, deliver, runImmediate, rejections, noteRejections, finish };
