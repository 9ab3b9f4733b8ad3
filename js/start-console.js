/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/start-console.js - the console of the start realm, where SES itself speaks. Vats get another one
 * (vat-console.js).
 */
import { makeConsole } from './vat-console.js';

globalThis.console = makeConsole(globalThis.vatHost.log);
