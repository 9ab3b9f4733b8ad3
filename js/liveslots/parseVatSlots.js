/* SPDX-License-Identifier: Apache-2.0 */
/* js/liveslots/parseVatSlots.js - that module of liveslots, with references parsed by the host (src/vat-worker/vref.c). */
import { insistVatType as insistOriginal, parseVatSlot as parseOriginal } from '../../node_modules/@agoric/swingset-liveslots/src/parseVatSlots.js';

export { makeBaseRef, makeVatSlot } from '../../node_modules/@agoric/swingset-liveslots/src/parseVatSlots.js';

const { parseVref } = globalThis.vatHost;

/* The names of the parts, in the original's order. */
const form = harden({
  type: undefined,
  allocatedByVat: undefined,
  virtual: undefined,
  durable: undefined,
  id: undefined,
  subid: undefined,
  baseRef: undefined,
  facet: undefined,
});

export const parseVatSlot = vref => parseVref(vref, form) ?? parseOriginal(vref);

const initials = { object: 'o', promise: 'p', device: 'd' };

export const insistVatType = (type, vref) => {
  if (typeof vref !== 'string' || vref[0] !== initials[type] || parseVref(vref, form) === undefined) {
    insistOriginal(type, vref);
  }
};
