/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/patterns.js - @endo/patterns as the packages of the supervisor see it: itself, but that the host knows the usual patterns of
 * keys (src/vat-worker/match.c). Whatever does not match is the original's to say.
 */
import { matches as matchesOriginal, mustMatch as mustMatchOriginal } from '../node_modules/@endo/patterns/index.js';

export * from '../node_modules/@endo/patterns/index.js';

const { matchesSurely } = globalThis.vatHost;

export const matches = harden((specimen, pattern) => matchesSurely(specimen, pattern) || matchesOriginal(specimen, pattern));

export const mustMatch = harden((specimen, pattern, label = undefined) => {
  if (!matchesSurely(specimen, pattern)) {
    mustMatchOriginal(specimen, pattern, label);
  }
});
