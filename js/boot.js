/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/boot.js - the first script of a worker: makes the start realm a hardened one.
 *
 * Order matters: SES wants a console before it is loaded, the eventual-send shim must be there before lockdown so that
 * HandledPromise becomes a permitted intrinsic. The taming options are those of the TypeScript kernel; the two trapping
 * options are off because the engine reports rejections itself (src/vat-worker/xs_platform.c) and a vat cannot cause an
 * uncaught exception outside a promise job.
 */
import './start-console.js';
import { restoreSearch } from './quick-refusals.js';
import 'ses';
import '@endo/eventual-send/shim.js';

restoreSearch();
lockdown({
  consoleTaming: 'unsafe',
  errorTaming: 'unsafe',
  domainTaming: 'unsafe',
  overrideTaming: 'severe',
  stackFiltering: 'verbose',
  errorTrapping: 'none',
  unhandledRejectionTrapping: 'none',
});
