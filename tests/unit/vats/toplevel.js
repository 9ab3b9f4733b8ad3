/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/vats/toplevel.js - a vat whose module does and keeps a lot before buildRootObject is called, for code_image_test.c. */
import { Far } from '@endo/far';

const { makeKindHandle, defineDurableKind, makeScalarBigMapStore } = VatData;

console.log('evaluated');
console.log([typeof setTimeout, typeof atob].join());

let count = 0;
const list = [];
const weak = new WeakMap();
const key = {};
class Counter {
  static made = 0;
}
globalThis.mark = (globalThis.mark ?? 0) + 1;
const makeThing = defineDurableKind(makeKindHandle('thing'), () => ({ n: 0 }), { bump: ({ state }) => (state.n += 1) });
const store = makeScalarBigMapStore('made at the top');
void Promise.reject(Error('nobody handles this'));

export const buildRootObject = (_vatPowers, parameters) => {
  if (parameters.fails) {
    throw Error('it was told to');
  }
  return Far('root', {
    step: () => {
      count += 1;
      list.push(count);
      Counter.made += 1;
      weak.set(key, (weak.get(key) ?? 0) + 1);
      const thing = makeThing();
      store.init(count, thing);
      return [count, list, Counter.made, weak.get(key), globalThis.mark, thing.bump(), globalThis.globalThis === globalThis, typeof exports, Object.keys(globalThis).join()];
    },
  });
};
