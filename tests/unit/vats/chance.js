/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/vats/chance.js - a vat that does all sorts of things with what it is sent, for oracle_test.c. */
import { E, Far } from '@endo/far';
import { makeTagged } from '@endo/pass-style';
import { M } from '@endo/patterns';

const { makeKindHandle, defineDurableKind, defineDurableKindMulti, makeScalarBigMapStore, makeScalarBigSetStore } = VatData;

/* What harden() did to a graph, told from outside: each object by the order in which it is found. */
const describe = root => {
  const found = [root];
  const lines = [];
  const seen = value => {
    if (Object(value) !== value) {
      return typeof value === 'symbol' ? 'symbol' : `${typeof value} ${value}`;
    }
    if (!found.includes(value)) {
      found.push(value);
    }
    return `#${found.indexOf(value)}`;
  };
  for (let i = 0; i < found.length && i < 60; i += 1) {
    const parts = [];
    for (const key of Reflect.ownKeys(found[i])) {
      const { value, get, set, writable, configurable, enumerable } = Object.getOwnPropertyDescriptor(found[i], key);
      parts.push(`${String(key)}:${get || set ? 'accessor' : seen(value)} ${[writable, configurable, enumerable].map(Number)}`);
    }
    lines.push(`${Object.isExtensible(found[i])} ${parts.join(';')}`);
  }
  return lines.join('\n');
};

/* A graph of `size` objects of many sorts; `chance(n)` is less than n. */
const makeGraph = (size, chance, log) => {
  const made = [];
  const any = () => (made.length > 0 && chance(3) > 0 ? made[chance(made.length)] : chance(100));
  const makers = [
    () => ({ a: any(), b: any() }),
    () => [any(), any()],
    () => [any(), , any()], // eslint-disable-line no-sparse-arrays
    () => ({ get a() { return 1; }, set a(_value) {}, 7: any() }),
    () => Object.assign(() => {}, { tag: any() }),
    () => Object.create(Object(any()) === any() ? {} : Object.create({ up: any() })),
    () => new (class Sort { #secret = any(); field = any(); method() { return this.#secret; } })(),
    () => new Map([[1, any()]]),
    () => new Uint8Array([1, 2, 3]),
    () => Object.assign(new Uint8Array(2), { extra: any() }),
    () => Object('text'),
    () => Object.defineProperty({}, 'fixed', { value: any(), writable: true }),
    () => ({ [Symbol.iterator]: any() }),
    () => Promise.resolve(1),
    () => Error('made'),
    () => new Proxy({ inner: any() }, {
      preventExtensions: target => (log.push('stop'), Reflect.preventExtensions(target)),
      ownKeys: target => (log.push('keys'), Reflect.ownKeys(target)),
      getPrototypeOf: target => (log.push('up'), Reflect.getPrototypeOf(target)),
    }),
    () => new Proxy({ inner: any() }, {
      getOwnPropertyDescriptor: (target, key) => {
        log.push(String(Object.isFrozen(made[0])));
        harden(made[0]);
        return Reflect.getOwnPropertyDescriptor(target, key);
      },
    }),
    () => new Proxy({}, { preventExtensions: () => { throw Error('never'); } }),
    () => (function () { return arguments; })(any(), any()),
  ];
  for (let i = 0; i < size; i += 1) {
    const sorts = chance(2) === 0 ? 7 : makers.length;
    made.push(makers[chance(sorts)]());
    const holder = made[chance(made.length)];
    if (chance(4) === 0 && Object.isExtensible(holder)) {
      try {
        holder.later = made[i];
      } catch (_error) {
        log.push('no');
      }
    }
  }
  return made;
};

export const buildRootObject = (_vatPowers, _parameters, baggage) => {
  const map = makeScalarBigMapStore('map', { durable: true });
  const set = makeScalarBigSetStore('set', { durable: true });
  const loose = makeScalarBigMapStore('loose');
  baggage.init('map', map);
  baggage.init('set', set);
  const handle = makeKindHandle('counter');
  const makeCounter = defineDurableKind(handle, (value = 0) => ({ value, other: null }), {
    add: ({ state }, n) => {
      state.value += n;
      return state.value;
    },
    keep: ({ state }, other) => {
      state.other = other;
    },
    kept: ({ state }) => state.other,
  });
  const makeFacets = defineDurableKindMulti(makeKindHandle('facets'), value => ({ value }), {
    reader: { read: ({ state }) => state.value },
    writer: {
      write: ({ state }, value) => {
        state.value = value;
      },
    },
  });
  const shaped = makeScalarBigMapStore('shaped', { keyShape: M.or(M.string(), M.number()), valueShape: M.any() });
  const short = makeScalarBigMapStore('short', { keyShape: M.string(harden({ stringLengthLimit: 2 })), durable: true });
  const stores = [map, loose, baggage, shaped, short];
  const held = [];
  const tell = value => console.log(value);
  return Far('root', {
    put: (which, key, value) => {
      const store = stores[which % 5];
      return store.has(key) ? store.set(key, value) : store.init(key, value);
    },
    take: (which, key) => stores[which % 5].get(key),
    drop: (which, key) => stores[which % 5].delete(key),
    list: which => [...stores[which % 2].entries()].slice(0, 20),
    collect: key => set.add(key),
    collected: () => [...set.values()].slice(0, 20),
    make: value => {
      const counter = makeCounter(value);
      held.push(counter);
      return counter;
    },
    add: n => held.length > 0 && held[held.length - 1].add(n),
    keep: value => held.length > 0 && held[0].keep(value),
    kept: () => held.length > 0 && held[0].kept(),
    forget: () => held.splice(0),
    echo: (...values) => values,
    tag: (tag, payload) => makeTagged(tag, payload),
    fail: value => {
      throw value;
    },
    complain: text => {
      throw TypeError(text);
    },
    send: async (friend, value) => {
      tell(await E(friend).ask(value, Far('answer', {})));
      return E(E(friend).more({ value })).again();
    },
    sendOnly: (friend, value) => E.sendOnly(friend).hear(value),
    unpassable: kind => [{ f: () => {} }, new Map(), { get a() { return 1; } }, [, 1], Symbol('s'), { then: () => {} }][kind % 6],
    /* What is asked of promises of this vat before, at and after their resolution. */
    local: async value => {
      const log = [];
      let turn = 0;
      const count = async () => {
        for (; turn < 40; turn += 1) {
          await null;
        }
      };
      const answer = Far('answer', { ask: other => (log.push(`asked in turn ${turn}`), other), again: () => answer });
      const soon = Promise.resolve().then(() => answer);
      const never = Promise.reject(value);
      const asked = [E(soon).ask(value), E(E(soon).again()).ask(1), E(soon).none(), E(never).ask(2), E.get(soon).ask, E(value).ask(3)];
      E.sendOnly(soon).ask(value);
      log.push('sent');
      count();
      const settled = await Promise.allSettled(asked);
      await E(soon).again();
      log.push(`done in turn ${turn}`);
      tell(`${log.join()} ${settled.map(({ status, reason }) => `${status} ${reason && reason.message}`).join()}`);
      return settled[0].value;
    },
    /* Who asks a proxy that passes for a remotable, and how often. */
    masked: value => {
      const log = [];
      const hand = name => (...args) => (log.push(name), Reflect[name](...args));
      const traps = ['getPrototypeOf', 'getOwnPropertyDescriptor', 'ownKeys', 'get', 'isExtensible', 'has'];
      const mask = new Proxy(Far('face', { look: () => 1 }), Object.fromEntries(traps.map(name => [name, hand(name)])));
      try {
        map.has(harden(mask)) || map.init(mask, value);
      } catch (error) {
        log.push(error.message);
      }
      Promise.resolve().then(() => tell(log.join()));
      return harden([mask, mask]);
    },
    facets: value => {
      const { reader, writer } = makeFacets(value);
      baggage.has('reader') ? baggage.set('reader', reader) : baggage.init('reader', reader);
      writer.write([value, baggage.get('reader')]);
      return [reader.read(), writer, reader, writer];
    },
    /* Only a text may be one: an assertion of liveslots' own. */
    label: value => makeScalarBigMapStore(value),
    thaw: () => ({ not: 'hardened' }),
    odd: (size, seed) => {
      let state = seed;
      const chance = n => {
        state = (state * 1103515245 + 12345) % 2147483648;
        return Math.floor((state / 2147483648) * n);
      };
      const log = [];
      const made = makeGraph(size, chance, log);
      const told = [];
      for (let i = 0; i < 3; i += 1) {
        const root = made[chance(made.length)];
        try {
          told.push(String(harden(root) === root));
        } catch (error) {
          told.push(`${error.name} ${error.message}`);
        }
        told.push(log.splice(0).join(','), describe(root));
      }
      tell(told.join('\n'));
    },
    hardener: () => [harden.name, harden.length, Object.isFrozen(harden), typeof harden.prototype],
  });
};
