/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/clock-and-chance.js - Date, Math and crypto as a vat gets them when it asks: with the real time and with random numbers
 * of the operating system.
 *
 * Time as told to a vat never goes back while its worker lives. The objects are a compartment's own; what they share with
 * the intrinsics (Date.prototype, Math's functions) is frozen.
 */
const { defineProperty, getOwnPropertyDescriptors } = Object;
const { construct } = Reflect;
const MAX_RANDOM_BYTES = 65536; // the Web Crypto limit of one call

export const makeDate = () => {
  let last = 0;
  const now = () => {
    const time = Date.now();
    if (time > last) {
      last = time;
    }
    return last;
  };
  const VatDate = function (...args) {
    if (new.target === undefined) {
      return new Date(now()).toString();
    }
    return construct(Date, args.length === 0 ? [now()] : args, new.target);
  };
  defineProperty(VatDate, 'name', { value: 'Date' });
  defineProperty(VatDate, 'length', { value: 7 });
  VatDate.prototype = Date.prototype;
  VatDate.now = () => now();
  VatDate.parse = text => Date.parse(text);
  VatDate.UTC = (...args) => Date.UTC(...args);
  return VatDate;
};

/* `randomBytes(count)` is the host's: a fresh ArrayBuffer. */
export const makeMath = randomBytes => {
  let pool = new Uint32Array(0);
  let used = 0;
  const next = () => {
    if (used === pool.length) {
      pool = new Uint32Array(randomBytes(256));
      used = 0;
    }
    used += 1;
    return pool[used - 1];
  };
  const { random: _theirs, ...descriptors } = getOwnPropertyDescriptors(Math);
  const math = Object.defineProperties({}, descriptors);
  /* 53 bits, as many as a number holds */
  const random = () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
  defineProperty(math, 'random', { value: random });
  return math;
};

const INTEGER_ARRAYS = ['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array',
  'Uint32Array', 'BigInt64Array', 'BigUint64Array'];
const TypedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);
const tagOf = Object.getOwnPropertyDescriptor(TypedArrayPrototype, Symbol.toStringTag).get;

const hex = bytes => Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');

const failure = (name, message) => {
  const error = Error(message);
  defineProperty(error, 'name', { value: name });
  return error;
};

export const makeCrypto = random => ({
  getRandomValues: array => {
    if (!INTEGER_ARRAYS.includes(Reflect.apply(tagOf, array, []))) {
      throw failure('TypeMismatchError', 'getRandomValues needs an array of integers');
    }
    if (array.byteLength > MAX_RANDOM_BYTES) {
      throw failure('QuotaExceededError', `getRandomValues gives at most ${MAX_RANDOM_BYTES} bytes`);
    }
    if (array.byteLength > 0) {
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(new Uint8Array(random(array.byteLength)));
    }
    return array;
  },
  randomUUID: () => {
    const bytes = new Uint8Array(random(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  },
});
