/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/oracle/wrong-style.js - run first: a passStyle() with a defect that oracle_test must find. */
const { vatHost } = globalThis;
const right = vatHost.passStyle;
vatHost.passStyle = value => (value?.length === 3 && typeof value[2] === 'number' ? 'copyRecord' : right(value));
