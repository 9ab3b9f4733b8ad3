/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of @endo/far as the vats of the kill test need. They are started thousands of times, and to load all of the
 * package takes as long as everything else in a start together.
 */
export const Far = (name, methods) => {
  const marks = {
    [Symbol.for('passStyle')]: { value: 'remotable' },
    [Symbol.toStringTag]: { value: `Alleged: ${name}` },
  };
  return harden(Object.setPrototypeOf(methods, Object.create(Object.prototype, marks)));
};

export const E = target =>
  new Proxy({}, { get: (_, method) => (...args) => HandledPromise.applyMethod(target, method, args) });
