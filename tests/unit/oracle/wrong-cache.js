/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/oracle/wrong-cache.js - in the place of liveslots' cache.js: one with a defect that oracle_test must find. */
import { makeCache as right } from '../../../js/liveslots/cache.js';

/* What was deleted stays in the storage. */
export const makeCache = (readBacking, writeBacking, _deleteBacking) => right(readBacking, writeBacking, () => {});
