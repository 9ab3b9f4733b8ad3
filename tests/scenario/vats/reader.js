/* SPDX-License-Identifier: Apache-2.0 */
/* A vat that uses fetch, codecs, URLs and abort signals, as it is asked. */
import { Far } from '@endo/far';

/* eslint-disable no-undef */
const programs = {
  utf8: text => [...new TextEncoder().encode(text)],
  utf8Text: (bytes, options) => new TextDecoder('utf-8', options).decode(new Uint8Array(bytes)),
  utf8Stream: parts => {
    const decoder = new TextDecoder();
    return parts.map(part => decoder.decode(new Uint8Array(part), { stream: true })).join('|') + decoder.decode();
  },
  latin: () => new TextDecoder('latin1'),
  long: count => new TextDecoder().decode(new TextEncoder().encode('ä€😀'.repeat(count))).length,
  base64: text => btoa(text),
  base64Text: text => atob(text),
  signal: () => {
    const controller = new AbortController();
    const seen = [];
    controller.signal.addEventListener('abort', event => seen.push(event.type));
    controller.signal.onabort = () => seen.push('on');
    const before = controller.signal.aborted;
    controller.abort();
    controller.abort();
    return [before, controller.signal.aborted, controller.signal.reason.name, ...seen, AbortSignal.abort('x').reason];
  },
  noSignal: () => new AbortSignal(),
  url: (...args) => new URL(...args).href,
  urlParts: text => {
    const { protocol, host, hostname, port, pathname, search, hash, origin, searchParams } = new URL(text);
    return [protocol, host, hostname, port, pathname, search, hash, origin, searchParams.get('a')];
  },
  query: text => {
    const params = new URLSearchParams(text);
    params.append('new', 'ü &');
    return [params.toString(), params.getAll('a').join()];
  },
  headers: () => {
    const headers = new Headers({ 'X-A': ' 1 ' });
    headers.append('x-a', '2');
    headers.set('B', 'b');
    return [headers.get('X-a'), headers.has('b'), [...headers].join(';')];
  },
  request: () => {
    const request = new Request('http://x/', { method: 'post', body: 'b', headers: { a: 'c' } });
    return [request.method, request.url, request.headers.get('content-type'), request.headers.get('a')];
  },
};

export const buildRootObject = () =>
  Far('reader', {
    bootstrap: () => {},
    typeOf: name => typeof globalThis[name],
    frozen: name => Object.isFrozen(globalThis[name]) && Object.isFrozen(globalThis[name].prototype ?? 'none'),
    run: (name, ...args) => harden(programs[name](...args)),
    text: async (...args) => {
      const response = await fetch(...args);
      return harden([response.status, response.ok, await response.text()]);
    },
    parts: async url => {
      const { status, statusText, headers, redirected, url: at } = await fetch(url);
      return harden([status, statusText, headers.get('x-two'), redirected, at]);
    },
    json: async url => harden(await (await fetch(url)).json()),
    size: async url => (await (await fetch(new Request(url))).arrayBuffer()).byteLength,
    twice: async url => {
      const response = await fetch(url);
      await response.text();
      return response.text();
    },
    responses: async () => {
      const response = Response.json({ a: 1 }, { status: 203 });
      const clone = response.clone();
      return harden([response.status, await response.text(), await clone.json(), clone.headers.get('content-type')]);
    },
    aborted: url => {
      const controller = new AbortController();
      const answer = fetch(url, { signal: controller.signal });
      controller.abort();
      return answer;
    },
    begin: url => {
      fetch(url).catch(() => {});
    },
  });
