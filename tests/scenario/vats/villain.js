// SPDX-License-Identifier: Apache-2.0
// A vat that does what it should not, one misdeed a call: loops that do not end, memory without measure, floods.
import { Far, E } from '@endo/far';
import { makePromiseKit } from '@endo/promise-kit';

const loops = {
  statement: () => { for (;;); },
  recursion: () => { const f = n => (n ? f(n - 1) + f(n - 1) : 1); return f(1000); },
  promises: () => { const again = () => Promise.resolve().then(again); return again(); },
  async: async () => { for (;;) await null; },
  getter: () => { const o = { get x() { return o.y; }, get y() { for (;;); } }; return o.x; },
  proxy: () => { const p = new Proxy({}, { get: () => { for (;;); } }); return p.x; },
  generator: () => { function* g() { for (;;) yield 1; } let n = 0; for (const x of g()) n += x; return n; },
  regexp: () => /^(a+)+$/.test(`${'a'.repeat(40)}b`),
  sort: () => new Array(3e5).fill(0).map((_, i) => (i * 7919) % 100003).sort(() => { for (let i = 0; i < 1e6; i++); return 1; }),
  bigint: () => { let n = 3n; for (;;) n = n * n % (1n << 200000n); },
  repeat: () => { for (;;) 'x'.repeat(5e7).indexOf('y'); },
  json: () => { const a = new Array(1e5).fill('x'.repeat(100)); for (;;) JSON.parse(JSON.stringify(a)); },
};

const gluttons = {
  array: () => { const a = []; for (;;) a.push(a.length); },
  strings: () => { let s = 'x'; for (;;) s += s; },
  buffers: () => { const a = []; for (;;) a.push(new ArrayBuffer(1e6)); },
  map: () => { const m = new Map(); for (let i = 0; ; i++) m.set(i, { i }); },
  closures: () => { let f = () => 0; for (;;) { const g = f; f = () => g; } },
  depth: () => { const f = () => 1 + f(); return f(); },
  promises: () => { const a = []; for (;;) a.push(new Promise(() => {})); },
  symbols: () => { const a = []; for (let i = 0; ; i++) a.push(Symbol(`s${i}`)); },
  objects: () => { let o = {}; for (;;) o = { o, a: [1, 2, 3] }; },
  bytes: () => { const a = []; for (;;) a.push(new Uint8Array(65536).fill(7)); },
};

export function buildRootObject(_powers, _parameters, baggage) {
  let next = 0;
  return Far('villain', {
    bootstrap: () => {},
    ping: () => 'pong',
    loop: kind => loops[kind](),
    eat: kind => gluttons[kind](),
    // Sends to `target` without end.
    send: target => { for (;;) E(target).ping(); },
    sendSome: (target, count) => { for (let i = 0; i < count; i++) void E(target).ping(); },
    sendBytes: target => { const s = 'x'.repeat(1e6); for (;;) void E(target).take(s); },
    give: (target, count) => { void E(target).take(harden(Array.from({ length: count }, (_, i) => Far(`thing ${i}`, {})))); },
    promise: (target, count) => { for (let i = 0; i < count; i++) void E(target).take(makePromiseKit().promise); },
    keep: (key, size) => { const value = 'x'.repeat(size); if (baggage.has(key)) baggage.set(key, value); else baggage.init(key, value); },
    keepMany: (count, size) => {
      const value = 'x'.repeat(size);
      for (let i = 0; i < count; i++) { const key = `k${next++}`; if (baggage.has(key)) baggage.set(key, value); else baggage.init(key, value); }
      return next;
    },
    take: () => {},
  });
}
