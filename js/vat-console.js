/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/vat-console.js - console objects whose lines travel to the kernel with the crank.
 *
 * `log(level, text)` is the host's function; it cuts and counts lines, so nothing here has to.
 */
import { formatLine } from './format.js';

const LEVELS = ['debug', 'log', 'info', 'warn', 'error'];

export const makeConsole = (log, options = {}) => {
  const methods = LEVELS.map(level => {
    const method = { [level]: (...args) => log(level, formatLine(args, options)) };
    return [level, method[level]];
  });
  return Object.fromEntries(methods);
};
