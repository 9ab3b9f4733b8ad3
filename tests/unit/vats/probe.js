/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/vats/probe.js - a vat that does on request what a worker must cope with. */
import { E, Far } from '@endo/far';

const LONE = '\ud800';
const ASTRAL = '\u{1F600}';
const NUL = '\u0000';

const read = (baggage, key) => (baggage.has(key) ? baggage.get(key) : undefined);

const write = (baggage, key, value) => {
  if (baggage.has(key)) {
    baggage.set(key, value);
  } else {
    baggage.init(key, value);
  }
};

const messageOf = thunk => {
  try {
    thunk();
    return 'nothing was thrown';
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};

const recurse = n => (n === 0 ? 0 : 1 + recurse(n - 1));

export const buildRootObject = (vatPowers, parameters, baggage) => {
  let kept;
  const root = Far('probe', {
    bump: () => {
      write(baggage, 'count', (read(baggage, 'count') ?? 0) + 1);
      return baggage.get('count');
    },
    parameters: () => parameters,
    powers: () => Object.keys(vatPowers).sort().join(' '),
    fail: text => {
      throw TypeError(text);
    },
    log: (...args) => {
      console.log('text', 1, -0, 2n, null, undefined, args);
      console.error(RangeError('out of it'));
      console.info({ a: 1, b: { c: { d: 1 } } }, [1, 'two'], new Map([['k', 'v']]), Symbol('s'));
      console.warn('%s is %d%%', 'x', 5, 'rest');
      console.debug(root, () => 1, `lone ${LONE} astral ${ASTRAL} nul ${NUL}`);
    },
    hostile: () => {
      const trap = () => {
        throw Error('trap');
      };
      console.log(new Proxy({}, { ownKeys: trap, getPrototypeOf: trap }));
      console.log({
        get secret() {
          throw Error('called');
        },
      });
    },
    flood: count => {
      for (let i = 0; i < count; i += 1) {
        console.log(`line ${i}`);
      }
    },
    longLine: size => console.log('\u00e9'.repeat(size)),
    spin: () => {
      for (;;) {
        kept = 0;
      }
    },
    chain: () => {
      const again = () => {
        void Promise.resolve().then(again);
      };
      again();
    },
    hog: () => {
      kept = [];
      for (;;) {
        kept.push(new Array(1000).fill(0));
      }
    },
    store: count => {
      for (let i = 0; i < count; i += 1) {
        write(baggage, `key${i}`, 'x'.repeat(9000000));
      }
    },
    recurse: depth => recurse(depth),
    rejectQuietly: () => {
      void Promise.reject(RangeError('nobody cares'));
    },
    rejectAndHandle: () => {
      const rejected = Promise.reject(RangeError('somebody cares'));
      void Promise.resolve()
        .then(() => {})
        .then(() => rejected.catch(() => {}));
    },
    rejectHostile: () => {
      void Promise.reject(
        new Proxy(
          {},
          {
            getPrototypeOf: () => {
              void Promise.resolve().then(() => console.log('vat ran while formatting'));
              return null;
            },
          },
        ),
      );
    },
    keep: value => {
      kept = value;
    },
    drop: () => {
      kept = undefined;
    },
    send: text => {
      E(kept).hello(text);
    },
    follow: promise => {
      E.when(promise, value => write(baggage, 'followed', value));
    },
    setText: (key, value) => write(baggage, key, value),
    getText: key => read(baggage, key),
    writeOdd: () => {
      write(baggage, `a${NUL}b`, `v${NUL}w`);
      write(baggage, `k${ASTRAL}`, `v${ASTRAL}`);
      write(baggage, '\uffff', 'after the surrogates in UTF-8');
      write(baggage, 'empty', '');
    },
    readOdd: () => [...baggage.keys()].map(key => [key, baggage.get(key)]),
    writeLarge: size => write(baggage, 'large', `${'x'.repeat(size)}${ASTRAL}`),
    readLarge: () => {
      const value = baggage.get('large');
      return [value.length, value.endsWith(ASTRAL)];
    },
    writeLone: () => messageOf(() => baggage.init(`k${LONE}`, 1)),
    sendLone: () => E(kept).hello(LONE),
    longKey: size => messageOf(() => baggage.init('k'.repeat(size), 1)),
    replace: key => {
      baggage.delete(key);
      baggage.init(key, 'again');
    },
    remove: key => baggage.delete(key),
    exit: () => vatPowers.exitVat('bye'),
    exitWithFailure: () => vatPowers.exitVatWithFailure(Error('no use')),
    globals: () => Object.getOwnPropertyNames(globalThis).sort().join(' '),
    reach: () =>
      [
        typeof vatHost,
        typeof vatSupervisor,
        typeof Function('return this')(),
        typeof new Compartment().globalThis.vatSupervisor,
        typeof (0, eval)('typeof vatHost === "undefined" ? undefined : vatHost'),
        typeof (function f() {
          return this;
        })(),
        typeof setTimeout,
        typeof gc,
        Object.isFrozen(console),
        Object.isFrozen(Array.prototype),
        globalThis.globalThis === globalThis,
        messageOf(() => Date.now()),
        messageOf(() => Math.random()),
      ].join(' '),
    weak: () => [new WeakMap() instanceof WeakMap, typeof VatData.defineDurableKind],
  });
  return root;
};
