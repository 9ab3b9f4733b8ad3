/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/oracle/wrong-vref.js - run first: a parseVref() with a defect that oracle_test must find. */
const { vatHost } = globalThis;
const right = vatHost.parseVref;
vatHost.parseVref = (vref, form) => {
  const parts = right(vref, form);
  return parts?.facet === 1n ? { ...parts, facet: 0n } : parts;
};
