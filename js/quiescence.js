/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/quiescence.js - "when all promise jobs have run", and collecting garbage there.
 *
 * The host runs promise jobs until none is left, then calls runImmediate() for one callback of this queue, and so on
 * until both are empty (engine.c). A vat has no way to put anything here: when its promise jobs are done it has lost
 * agency.
 */
const immediates = [];

export const runImmediate = () => {
  const callback = immediates.shift();
  if (callback === undefined) {
    return false;
  }
  callback();
  return true;
};

export const waitUntilQuiescent = () => new Promise(resolve => immediates.push(resolve));

/*
 * Finalizers run when the engine has no job left, so each collection is followed by a turn of the queue. The second
 * collection takes what the finalizers of the first one let go.
 */
export const makeGcAndFinalize = collectGarbage => async () => {
  await waitUntilQuiescent();
  collectGarbage();
  await waitUntilQuiescent();
  collectGarbage();
  await waitUntilQuiescent();
};
