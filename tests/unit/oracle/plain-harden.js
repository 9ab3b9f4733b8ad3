/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/oracle/plain-harden.js - run first: SES finds no harden() of the host and uses its own. */
delete globalThis.harden;
