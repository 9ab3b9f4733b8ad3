/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/oracle/wrong-errors.js - in the place of js/errors.js: one with a defect that oracle_test must find. */
import { assert as right } from '../../../js/errors.js';

export * from '../../../js/errors.js';

/* Everything is of the type that it should be of. */
export const assert = harden(Object.assign((...args) => right(...args), right, { typeof: () => {} }));
