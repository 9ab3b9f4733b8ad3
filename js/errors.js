/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/errors.js - @endo/errors as the packages of the supervisor see it: itself, but that an assertion that holds costs one call
 * and no details. One that fails is the original's.
 */
import { assert as original } from '../node_modules/@endo/errors/index.js';

export * from '../node_modules/@endo/errors/index.js';

const { is } = Object;

export const assert = harden(
  Object.assign(
    (holds, details, errorConstructor, options) => {
      if (!holds) {
        original(holds, details, errorConstructor, options);
      }
    },
    original,
    {
      equal: (actual, expected, details, errorConstructor, options) => {
        if (!is(actual, expected)) {
          original.equal(actual, expected, details, errorConstructor, options);
        }
      },
      typeof: (value, name, details) => {
        if (name === 'object' || typeof value !== name) {
          original.typeof(value, name, details);
        }
      },
    },
  ),
);
