/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/syscall.js - the syscall object of liveslots over the host's functions.
 *
 * vatstore calls are answered at once by the C cache. All others are only collected; the kernel judges them when the
 * crank is over, so none has an answer. Structured arguments travel as one flat array, which the host reads from front
 * to end: a capdata is `body, slotCount, ...slots`, a resolution is `vpid, rejected, <capdata>`.
 */
const pushCapData = (flat, { body, slots }) => {
  const { length } = slots;
  flat.push(body, length);
  for (let i = 0; i < length; i += 1) {
    flat.push(slots[i]);
  }
};

const flattenCapData = capdata => {
  const flat = [];
  pushCapData(flat, capdata);
  return flat;
};

/* Indices, not patterns: a pattern is an iterator, with an object for each step. */
const flattenResolutions = resolutions => {
  const flat = [];
  for (let i = 0; i < resolutions.length; i += 1) {
    const resolution = resolutions[i];
    flat.push(resolution[0], resolution[1]);
    pushCapData(flat, resolution[2]);
  }
  return flat;
};

export const makeSyscall = host =>
  harden({
    send: (target, methargs, result) => host.send(target, result, flattenCapData(methargs)),
    subscribe: vpid => host.subscribe(vpid),
    resolve: resolutions => host.resolve(resolutions.length, flattenResolutions(resolutions)),
    exit: (isFailure, info) => host.exit(isFailure, flattenCapData(info)),
    dropImports: vrefs => host.gc('dropImports', vrefs),
    retireImports: vrefs => host.gc('retireImports', vrefs),
    retireExports: vrefs => host.gc('retireExports', vrefs),
    abandonExports: vrefs => host.gc('abandonExports', vrefs),
    callNow: () => {
      throw Error('vatd has no devices');
    },
    vatstoreGet: key => host.get(key),
    vatstoreGetNextKey: key => host.nextKey(key),
    vatstoreSet: (key, value) => host.set(key, value),
    vatstoreDelete: key => host.delete(key),
  });
