/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/oracle/wrong-match.js - run first: a matchesSurely() with a defect that oracle_test must find. */
const { vatHost } = globalThis;
const right = vatHost.matchesSurely;
vatHost.matchesSurely = (specimen, pattern) => typeof specimen === 'string' || right(specimen, pattern);
