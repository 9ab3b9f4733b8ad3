/* SPDX-License-Identifier: Apache-2.0 */
/* A counter of the kill test: each increment has a number. */
import { Far } from './far.js';
import { openLedger } from './ledger.js';

export const buildRootObject = (_vatPowers, _parameters, baggage) => {
  const ledger = openLedger(baggage, 'host');
  return Far('counter', {
    increment: id => ledger.note(id),
    state: known => ledger.read(known),
  });
};
