/* SPDX-License-Identifier: Apache-2.0 */
/* js/native-harden.js - SES takes a global `harden` that is there before it (src/vat-worker/harden.c). */
globalThis.harden = globalThis.vatHost.harden;
