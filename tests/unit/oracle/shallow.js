/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/oracle/shallow.js - run first: a harden() with a defect that oracle_test must find. */
const right = globalThis.harden;
const wrong = {
  harden(value) {
    return typeof value === 'function' && Object.hasOwn(value, 'tag') ? Object.freeze(value) : right(value);
  },
};
globalThis.harden = wrong.harden;
