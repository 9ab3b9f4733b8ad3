/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/fetch.js - fetch and its classes, over an object of the kernel.
 *
 * The kernel makes the request, checks hosts and follows redirects (src/libvatd/fetch.c); its answer is a plain record,
 * complete, the body in base64. So there are no streams here: a body is a text or bytes.
 */
import { E } from '@endo/eventual-send';
import { abortError } from './abort.js';
import { base64ToBytes, bytesToBase64, encodeUtf8, TextDecoder } from './encoding.js';

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const NO_BODY = ['GET', 'HEAD'];

const nameOf = name => {
  const text = `${name}`.toLowerCase();
  if (!TOKEN.test(text)) {
    throw TypeError(`Header name must be a valid HTTP token ["${name}"]`);
  }
  return text;
};

const valueOf = value => {
  const text = `${value}`.trim();
  if (/[\0\r\n]/.test(text)) {
    throw TypeError('Header value has a line break in it');
  }
  return text;
};

export class Headers {
  #values = new Map();

  constructor(init = undefined) {
    if (init === undefined || init === null) {
      return;
    }
    const pairs = typeof init[Symbol.iterator] === 'function' ? init : Object.entries(init);
    for (const [name, value] of pairs) {
      this.append(name, value);
    }
  }

  append(name, value) {
    const before = this.get(name);
    this.set(name, before === null ? value : `${before}, ${valueOf(value)}`);
  }

  delete(name) {
    this.#values.delete(nameOf(name));
  }

  get(name) {
    return this.#values.get(nameOf(name)) ?? null;
  }

  has(name) {
    return this.#values.has(nameOf(name));
  }

  set(name, value) {
    this.#values.set(nameOf(name), valueOf(value));
  }

  forEach(callback, thisArg = undefined) {
    for (const [name, value] of this) {
      Reflect.apply(callback, thisArg, [value, name, this]);
    }
  }

  keys() {
    return [...this].map(([name]) => name).values();
  }

  values() {
    return [...this].map(([, value]) => value).values();
  }

  entries() {
    return [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1)).values();
  }

  [Symbol.iterator]() {
    return this.entries();
  }
}

/* Bytes and their type; of null none. */
const bodyOf = body => {
  if (body === undefined || body === null) {
    return { bytes: undefined, type: undefined };
  }
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) {
    const view = body instanceof ArrayBuffer ? new Uint8Array(body) : new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
    return { bytes: view.slice(), type: undefined };
  }
  return { bytes: encodeUtf8(`${body}`), type: 'text/plain;charset=UTF-8' };
};

class Body {
  #bytes;

  #used = false;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  get bodyUsed() {
    return this.#used;
  }

  async #take() {
    if (this.#used) {
      throw TypeError('Body is unusable: Body has already been read');
    }
    this.#used = this.#bytes !== undefined;
    return this.#bytes ?? new Uint8Array(0);
  }

  /* For a copy; not offered to vats. */
  static bytesOf(body) {
    if (body.#used) {
      throw TypeError('Body has already been read');
    }
    return body.#bytes;
  }

  async arrayBuffer() {
    return (await this.#take()).slice().buffer;
  }

  async bytes() {
    return (await this.#take()).slice();
  }

  async text() {
    return new TextDecoder().decode(await this.#take());
  }

  async json() {
    return JSON.parse(await this.text());
  }
}
const { bytesOf } = Body;
delete Body.bytesOf;

const headersFor = (init, type) => {
  const headers = new Headers(init);
  if (type !== undefined && !headers.has('content-type')) {
    headers.set('content-type', type);
  }
  return headers;
};

export class Response extends Body {
  #fields;

  #headers;

  /* `fields` beyond what the standard's init has are used by fetch. */
  constructor(body = null, init = {}) {
    const { bytes, type } = bodyOf(body);
    super(bytes);
    const { status = 200, statusText = '', url = '', redirected = false } = init;
    if (!(status >= 200 && status <= 599)) {
      throw RangeError('The status must be from 200 to 599');
    }
    this.#fields = { status, statusText: `${statusText}`, url, redirected };
    this.#headers = headersFor(init.headers, type);
  }

  static json(data, init = {}) {
    const headers = new Headers(init.headers);
    if (!headers.has('content-type')) {
      headers.set('content-type', 'application/json');
    }
    return new Response(JSON.stringify(data), { ...init, headers });
  }

  get ok() {
    return this.#fields.status <= 299;
  }

  get status() {
    return this.#fields.status;
  }

  get statusText() {
    return this.#fields.statusText;
  }

  get url() {
    return this.#fields.url;
  }

  get redirected() {
    return this.#fields.redirected;
  }

  get headers() {
    return this.#headers;
  }

  clone() {
    return new Response(bytesOf(this), { ...this.#fields, headers: this.#headers });
  }
}

export class Request extends Body {
  #fields;

  #headers;

  constructor(input, init = {}) {
    const from = input instanceof Request ? input : undefined;
    const given = init.body === undefined && from ? bytesOf(from) : init.body;
    const { bytes, type } = bodyOf(given);
    super(bytes);
    const method = `${init.method ?? from?.method ?? 'GET'}`;
    const known = method.toUpperCase();
    this.#fields = {
      url: from ? from.url : `${input}`,
      method: ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'].includes(known) ? known : method,
      redirect: init.redirect ?? from?.redirect ?? 'follow',
      signal: init.signal ?? from?.signal ?? null,
    };
    if (bytes !== undefined && NO_BODY.includes(this.#fields.method)) {
      throw TypeError('Request with GET/HEAD method cannot have body.');
    }
    this.#headers = headersFor(init.headers ?? from?.headers, type);
  }

  get url() {
    return this.#fields.url;
  }

  get method() {
    return this.#fields.method;
  }

  get redirect() {
    return this.#fields.redirect;
  }

  get signal() {
    return this.#fields.signal;
  }

  get headers() {
    return this.#headers;
  }

  clone() {
    return new Request(this);
  }
}

/* Rejects when the signal is aborted; the request itself goes on until the kernel's limit, and its answer is dropped. */
const abortable = (signal, answer) => {
  if (!signal) {
    return answer;
  }
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason ?? abortError()));
    answer.then(resolve, reject);
  });
};

const toResponse = ({ body, ...fields }) =>
  harden(new Response([204, 205, 304].includes(fields.status) ? null : base64ToBytes(body), fields));

/* `fetcher` may be a promise for the kernel's object. */
export const makeFetch = fetcher => async (input, init = {}) => {
  const request = new Request(input, init);
  const { url, method, redirect, signal } = request;
  signal?.throwIfAborted();
  const bytes = bytesOf(request);
  const order = {
    url,
    method,
    redirect,
    headers: [...request.headers],
    body: bytes === undefined ? null : bytesToBase64(bytes),
  };
  return toResponse(await abortable(signal, E(fetcher).fetch(harden(order))));
};
