/* SPDX-License-Identifier: Apache-2.0 */
/* js/liveslots/capdata.js - that module of liveslots: what is as it must be needs no closure and no message. */
import { insistCapData as insistOriginal } from '../../node_modules/@agoric/swingset-liveslots/src/capdata.js';

const { isArray } = Array;

const areStrings = list => {
  const { length } = list;
  for (let i = 0; i < length; i += 1) {
    if (typeof list[i] !== 'string') {
      return false;
    }
  }
  return true;
};

export const insistCapData = specimen => {
  const { body, slots } = specimen;
  if (typeof body !== 'string' || !isArray(slots) || !areStrings(slots)) {
    insistOriginal(specimen);
  }
};
