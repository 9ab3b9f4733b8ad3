/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/encoding.js - texts as bytes and back: TextEncoder and TextDecoder (UTF-8 only), atob and btoa.
 *
 * They do what the Encoding and HTML standards say: a lone surrogate becomes U+FFFD, and so does each maximal part of what is
 * not UTF-8, unless the decoder is fatal.
 */
const CHUNK = 4096; // characters made in one call

const pushCodePoint = (bytes, at, point) => {
  if (point < 0x80) {
    bytes[at] = point;
    return at + 1;
  }
  if (point < 0x800) {
    bytes[at] = 0xc0 | (point >> 6);
    bytes[at + 1] = 0x80 | (point & 0x3f);
    return at + 2;
  }
  if (point < 0x10000) {
    bytes[at] = 0xe0 | (point >> 12);
    bytes[at + 1] = 0x80 | ((point >> 6) & 0x3f);
    bytes[at + 2] = 0x80 | (point & 0x3f);
    return at + 3;
  }
  bytes[at] = 0xf0 | (point >> 18);
  bytes[at + 1] = 0x80 | ((point >> 12) & 0x3f);
  bytes[at + 2] = 0x80 | ((point >> 6) & 0x3f);
  bytes[at + 3] = 0x80 | (point & 0x3f);
  return at + 4;
};

const wellFormed = point => (point >= 0xd800 && point <= 0xdfff ? 0xfffd : point);

export const encodeUtf8 = text => {
  const bytes = new Uint8Array(text.length * 3);
  let size = 0;
  for (const character of text) {
    size = pushCodePoint(bytes, size, wellFormed(character.codePointAt(0)));
  }
  return bytes.slice(0, size);
};

/* What may follow a first byte: how many bytes, and the bounds of the second. */
const sequenceOf = first => {
  if (first >= 0xc2 && first <= 0xdf) {
    return [1, 0x80, 0xbf, first & 0x1f];
  }
  if (first >= 0xe0 && first <= 0xef) {
    return [2, first === 0xe0 ? 0xa0 : 0x80, first === 0xed ? 0x9f : 0xbf, first & 0xf];
  }
  if (first >= 0xf0 && first <= 0xf4) {
    return [3, first === 0xf0 ? 0x90 : 0x80, first === 0xf4 ? 0x8f : 0xbf, first & 0x7];
  }
  return undefined;
};

/* The character at `at`: {point, next}; point -1: not UTF-8; undefined: it is cut off by the end. */
const readCharacter = (bytes, at) => {
  const first = bytes[at];
  if (first < 0x80) {
    return { point: first, next: at + 1 };
  }
  const sequence = sequenceOf(first);
  if (!sequence) {
    return { point: -1, next: at + 1 };
  }
  let [count, low, high, point] = sequence;
  let next = at + 1;
  for (; count > 0; count -= 1) {
    if (next >= bytes.length) {
      return undefined;
    }
    const byte = bytes[next];
    if (byte < low || byte > high) {
      return { point: -1, next };
    }
    point = (point << 6) | (byte & 0x3f);
    [low, high] = [0x80, 0xbf];
    next += 1;
  }
  return { point, next };
};

const bytesOf = input => {
  if (input === undefined) {
    return new Uint8Array(0);
  }
  return ArrayBuffer.isView(input)
    ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
    : new Uint8Array(input);
};

const concatBytes = (first, second) => {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
};

export class TextEncoder {
  get encoding() {
    return 'utf-8';
  }

  encode(text = '') {
    return encodeUtf8(`${text}`);
  }

  encodeInto(text, target) {
    let read = 0;
    let written = 0;
    for (const character of `${text}`) {
      const bytes = encodeUtf8(character);
      if (written + bytes.length > target.length) {
        break;
      }
      target.set(bytes, written);
      written += bytes.length;
      read += character.length;
    }
    return { read, written };
  }
}

const LABELS = ['utf-8', 'utf8', 'unicode-1-1-utf-8'];

export class TextDecoder {
  #fatal;

  #ignoreBOM;

  #rest = new Uint8Array(0);

  #started = false;

  constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
    if (!LABELS.includes(`${label}`.trim().toLowerCase())) {
      throw RangeError(`The encoding "${label}" is not supported: utf-8 is`);
    }
    this.#fatal = !!fatal;
    this.#ignoreBOM = !!ignoreBOM;
  }

  get encoding() {
    return 'utf-8';
  }

  get fatal() {
    return this.#fatal;
  }

  get ignoreBOM() {
    return this.#ignoreBOM;
  }

  #replacement() {
    if (this.#fatal) {
      this.#rest = new Uint8Array(0);
      this.#started = false;
      throw TypeError('The encoded data was not valid utf-8');
    }
    return 0xfffd;
  }

  decode(input = undefined, { stream = false } = {}) {
    const bytes = concatBytes(this.#rest, bytesOf(input));
    this.#rest = new Uint8Array(0);
    const parts = [];
    let points = [];
    let at = 0;
    while (at < bytes.length) {
      const found = readCharacter(bytes, at);
      if (!found && stream) {
        this.#rest = bytes.slice(at);
        break;
      }
      const point = found && found.point >= 0 ? found.point : this.#replacement();
      if (this.#started || this.#ignoreBOM || point !== 0xfeff) {
        points.push(point);
      }
      this.#started = true;
      at = found ? found.next : bytes.length;
      if (points.length === CHUNK) {
        parts.push(String.fromCodePoint(...points));
        points = [];
      }
    }
    if (!stream) {
      this.#started = false;
    }
    parts.push(String.fromCodePoint(...points));
    return parts.join('');
  }
}

/* ---- base64 ---- */

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Map([...DIGITS].map((digit, value) => [digit, value]));

const invalidCharacter = message => {
  const error = Error(message);
  Object.defineProperty(error, 'name', { value: 'InvalidCharacterError' });
  return error;
};

export const bytesToBase64 = bytes => {
  const parts = [];
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const bits = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    parts.push(
      DIGITS[bits >> 18],
      DIGITS[(bits >> 12) & 63],
      left > 1 ? DIGITS[(bits >> 6) & 63] : '=',
      left > 2 ? DIGITS[bits & 63] : '=',
    );
  }
  return parts.join('');
};

export const base64ToBytes = text => {
  let digits = text.replace(/[\t\n\f\r ]/g, '');
  if (digits.length % 4 === 0) {
    digits = digits.replace(/={1,2}$/, '');
  }
  if (digits.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(digits)) {
    throw invalidCharacter('The string to be decoded is not correctly encoded.');
  }
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let size = 0;
  let bits = 0;
  let count = 0;
  for (const digit of digits) {
    bits = ((bits << 6) | VALUES.get(digit)) & 0xfffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes[size] = (bits >> count) & 0xff;
      size += 1;
    }
  }
  return bytes;
};

export const btoa = text => {
  const characters = `${text}`;
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < characters.length; i += 1) {
    if (characters.charCodeAt(i) > 0xff) {
      throw invalidCharacter('The string to be encoded contains characters outside of the Latin1 range.');
    }
    bytes[i] = characters.charCodeAt(i);
  }
  return bytesToBase64(bytes);
};

export const atob = text => {
  const parts = [];
  const bytes = base64ToBytes(`${text}`);
  for (let at = 0; at < bytes.length; at += CHUNK) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + CHUNK)));
  }
  return parts.join('');
};
