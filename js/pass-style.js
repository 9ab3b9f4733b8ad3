/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/pass-style.js - @endo/pass-style as the packages of the supervisor see it: itself, but that the host looks first, and is
 * told what the original has found (src/vat-worker/pass_style.c).
 */
import { passStyleOf as original } from '../node_modules/@endo/pass-style/index.js';

export * from '../node_modules/@endo/pass-style/index.js';

const { passStyle, notePassStyle } = globalThis.vatHost;

export const passStyleOf = harden(passable => passStyle(passable) ?? notePassStyle(passable, original(passable)));

export const assertPassable = harden(value => {
  passStyleOf(value);
});

export const isPassable = harden(specimen => {
  try {
    return passStyleOf(specimen) !== undefined;
  } catch (_error) {
    return false;
  }
});
