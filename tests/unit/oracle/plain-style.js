/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/oracle/plain-style.js - run first: nobody can find passStyle() of the host. */
delete globalThis.vatHost.passStyle;
