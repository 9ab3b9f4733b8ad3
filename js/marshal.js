/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/marshal.js - @endo/marshal as the packages of the supervisor see it: itself, but that smallcaps bodies of plain data,
 * remotables and promises are made and read by the host (src/vat-worker/smallcaps.c). The rest is the original's.
 */
import { getInterfaceOf, passStyleOf } from '@endo/pass-style';
import { makeMarshal as makeOriginal } from '../node_modules/@endo/marshal/index.js';

export * from '../node_modules/@endo/marshal/index.js';

const { smallcapsEncode, smallcapsDecode } = globalThis.vatHost;
const { parse } = JSON;
const { isArray } = Array;
const PASS_STYLE = Symbol.for('passStyle');

const parseOrNothing = text => {
  try {
    return parse(text);
  } catch (_error) {
    return undefined;
  }
};

/* What remotables and promises are encoded as; their slots are added to `slots`. */
const nameCaps = (caps, slots, convertValToSlot) => {
  const indices = new Map();
  const nameCap = cap => {
    const promise = passStyleOf(cap) === 'promise';
    const iface = promise ? undefined : getInterfaceOf(cap);
    const prefix = promise ? '&' : '$';
    const known = indices.get(cap);
    if (known !== undefined) {
      return `${prefix}${known}`;
    }
    const index = slots.length;
    slots.push(convertValToSlot(cap));
    indices.set(cap, index);
    return iface === undefined ? `${prefix}${index}` : `${prefix}${index}.${iface}`;
  };
  return caps.map(nameCap);
};

/* What texts like "$0.Alleged: name" and "&1" stand for; undefined: the original has something to say about one. */
const findCaps = (texts, slots, convertSlotToVal) => {
  const found = new Map();
  const caps = [];
  for (const text of texts) {
    const dot = text.indexOf('.');
    const index = Number(dot < 0 ? text.slice(1) : text.slice(1, dot));
    const iface = dot < 0 ? undefined : text.slice(dot + 1);
    const cap = found.get(index) || convertSlotToVal(slots[index], iface);
    found.set(index, cap);
    if (passStyleOf(cap) !== (text.charAt(0) === '$' ? 'remotable' : 'promise')) {
      return undefined;
    }
    caps.push(cap);
  }
  return caps;
};

const same = value => value;

export const makeMarshal = (convertValToSlot = same, convertSlotToVal = same, options = {}) => {
  const original = makeOriginal(convertValToSlot, convertSlotToVal, options);

  const encode = root => {
    const slots = [];
    let body = smallcapsEncode(root, undefined);
    if (isArray(body)) {
      body = smallcapsEncode(root, nameCaps(body, slots, convertValToSlot));
    }
    return body === undefined ? original.toCapData(root) : harden({ body, slots });
  };

  const fromCapData = data => {
    const { body, slots } = data;
    if (typeof body !== 'string' || body.charAt(0) !== '#' || !isArray(slots)) {
      return original.fromCapData(data);
    }
    const holder = [parseOrNothing(body.slice(1))];
    let decoded = smallcapsDecode(holder, undefined, PASS_STYLE, 'tagged');
    if (isArray(decoded)) {
      const caps = findCaps(decoded, slots, convertSlotToVal);
      decoded = caps && smallcapsDecode(holder, caps, PASS_STYLE, 'tagged');
    }
    return decoded === undefined ? original.fromCapData(data) : holder[0];
  };

  const toCapData = options.serializeBodyFormat === 'smallcaps' ? encode : original.toCapData;
  return harden({ toCapData, fromCapData, serialize: toCapData, unserialize: fromCapData });
};
harden(makeMarshal);
