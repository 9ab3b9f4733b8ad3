/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/oracle/wrong-postponed.js - in the place of that module of eventual-send: one with a defect that oracle_test must find. */
import { makePostponedHandler as right } from '../../../js/eventual-send/postponed.js';

/* Operations go on a turn late. */
export const makePostponedHandler = HandledPromise => {
  const [handler, donePostponing] = right(HandledPromise);
  return [handler, () => void Promise.resolve().then(donePostponing)];
};
