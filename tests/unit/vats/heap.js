/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vats/heap.js - a vat that has in its heap what an engine has to offer, and tells what became of it, for
 * hibernation_test.c: each call of step() looks at all of it and takes it one further.
 */
import { E, Far } from '@endo/far';

const { makeKindHandle, defineDurableKind, makeScalarBigMapStore, defineKind } = VatData;

let calls = 0;
const lines = [];
const tell = (name, ...what) => lines.push(`${name}: ${what.map(String).join(' ')}`);

class Account {
  static #made = 0;
  static last;
  #balance;
  constructor(balance) {
    Account.#made += 1;
    Account.last = this;
    this.#balance = balance;
  }
  get balance() {
    return this.#balance;
  }
  set balance(balance) {
    this.#balance = balance;
  }
  static {
    this.zero = 'none';
  }
  static made() {
    return Account.#made;
  }
  static is(other) {
    return #balance in other;
  }
}
class Savings extends Account {
  #rate = 2n;
  grow() {
    super.balance += Number(this.#rate);
    return this.balance;
  }
}

function* count() {
  let n = 0;
  try {
    for (;;) {
      const told = yield [n, arguments.length];
      n += told ?? 1;
    }
  } finally {
    tell('generator', 'ended', n);
  }
}

async function* stream(source) {
  for await (const value of source) {
    yield value * 2;
  }
}

const keys = [{ k: 1 }, { k: 2 }, harden({ k: 3 }), () => {}, Symbol('s')];
const makers = {
  map: () => new Map([[keys[0], 'object'], [NaN, 'nan'], [-0, 'zero'], ['text', 1], [12n, 'big'], [keys[4], 'symbol'], [1.5, 'number']]),
  set: () => new Set([keys[3], 'a', undefined, null, true]),
  weakMap: () => new WeakMap().set(keys[0], { of: keys[1] }).set(keys[2], 'frozen').set(keys[3], keys),
  weakSet: () => new WeakSet().add(keys[1]),
  holes: () => [1, , 3], // eslint-disable-line no-sparse-arrays
  sparse: () => Object.assign([], { 100000: 'far' }),
  bytes: () => new Uint8Array([1, 2, 3]),
  floats: () => new Float64Array([Math.PI, -0, NaN]),
  view: () => new DataView(new ArrayBuffer(16), 4),
  bigs: () => new BigInt64Array([-1n, 2n ** 62n]),
  resized: () => new Uint16Array(new ArrayBuffer(8), 2, 3),
  big: () => -(123456789012345678901234567890n ** 20n),
  regular: () => /(?<word>\p{Lu}\w*)|[\u00e4\u{1F600}]/gu,
  sticky: () => /a./y,
  date: () => new Date(86400000 * 365.25 * 30),
  boxed: () => [Object('text'), Object(1), Object(true), Object(2n), Object(Symbol.for('boxed'))],
  registered: () => Symbol.for('vatd.test'),
  text: () => 'lone \ud800, astral \u{1F600}, nul \0, umlaut \u00e4',
  error: () => Object.assign(TypeError('kept', { cause: RangeError('cause') }), { extra: 1 }),
  many: () => AggregateError([Error('one'), Error('two')], 'both'),
  proxy: () => new Proxy({ inner: 1 }, { get: (target, key) => (key === 'inner' ? (target.inner += 1) : `no ${String(key)}`) }),
  revocable: () => Proxy.revocable({}, {}),
  bound: () => function (a, b) { return [this.x, a, b].join(); }.bind({ x: 'this' }, 'a'), // eslint-disable-line func-names
  evaluated: () => new Compartment({ start: 5 }).evaluate('let n = start; () => (n += 1)'),
  indirect: () => (0, eval)('(x => y => x + y)')(40),
  made: () => Function('a', 'return a * 2'),
  template: () => (strings => () => [strings, strings.raw.join('|')])`a${1}\n${2}b`,
  accessors: () => ({ n: 0, get next() { return (this.n += 1); }, set next(value) { this.n = value; } }),
  args: () => (function () { return arguments; })(1, 'two'), // eslint-disable-line func-names
  iterator: () => new Map([[1, 'x'], [2, 'y'], [3, 'z']])[Symbol.iterator](),
  matches: () => 'aXbXc'.matchAll(/X/g),
  chars: () => '\u{1F600}bc'[Symbol.iterator](),
  long: () => 'x'.repeat(70000),
};

export const buildRootObject = (_vatPowers, _parameters, baggage) => {
  const kept = Object.fromEntries(Object.entries(makers).map(([name, make]) => [name, make()]));
  kept.deep = harden({ a: [{ b: kept.evaluated }] });
  kept.generator = count(1, 2);
  kept.unstarted = count();
  const savings = new Savings(1);
  const held = [];
  const promises = {};
  let gate;
  const durable = makeScalarBigMapStore('durable', { durable: true });
  baggage.init('durable', durable);
  const merely = makeScalarBigMapStore('merely');
  const makeThing = defineDurableKind(makeKindHandle('thing'), n => ({ n }), { add: ({ state }) => (state.n += 1) });
  const makeLoose = defineKind('loose', n => ({ n }), { add: ({ state }) => (state.n += 1) });
  const thing = makeThing(10);
  const loose = makeLoose(20);
  const weak = new WeakMap().set(thing, 'by thing');
  durable.init('thing', thing);
  merely.init(1, loose);

  const wait = async label => {
    for (let i = 0; i < 100; i += 1) {
      const value = await new Promise(resolve => {
        gate = resolve;
      });
      tell('await', label, i, value);
    }
  };
  void wait('async function');

  const pipe = async function* () {
    for (let i = 0; ; i += 1) {
      yield await new Promise(resolve => {
        promises.pipe = () => resolve(i);
      });
    }
  };
  const doubled = stream(pipe());
  const drain = async () => {
    for await (const value of doubled) {
      tell('stream', value);
    }
  };
  void drain();

  promises.pending = new Promise(() => {});
  promises.done = Promise.resolve('done');
  promises.failed = Promise.reject(kept.error);
  promises.failed.catch(() => {});

  const lookers = {
    collections: () => {
      tell('map', [...kept.map].map(([k, v]) => `${typeof k}/${v}`), kept.map.get(keys[0]), kept.map.get(NaN), kept.map.get(12n), kept.map.get(keys[4]), kept.map.get(1.5));
      kept.map.delete('text');
      kept.map.set('text', calls);
      kept.map.set({ calls }, calls);
      tell('set', [...kept.set].map(v => typeof v), kept.set.has(keys[3]), kept.set.has(undefined));
      kept.set.delete('a');
      kept.set.add('a');
      tell('weak', kept.weakMap.get(keys[0]).of === keys[1], kept.weakMap.get(keys[2]), kept.weakMap.get(keys[3]) === keys, kept.weakSet.has(keys[1]), kept.weakSet.has(keys[0]), weak.get(thing));
      tell('iterators', JSON.stringify([kept.iterator.next(), kept.matches.next(), kept.chars.next()]));
    },
    numbers: () => {
      kept.big -= 1n;
      tell('big', kept.big, kept.big % 97n);
      kept.bytes[0] += 1;
      kept.view.setFloat32(0, calls / 3);
      kept.bigs[0] -= 1n;
      kept.resized.fill(calls);
      tell('typed', kept.bytes, kept.floats, kept.view.getFloat32(0), kept.bigs, kept.resized, kept.resized.byteOffset, Object.is(kept.floats[1], -0));
      tell('date', kept.date.toISOString(), kept.date.setUTCDate(calls), kept.date.getTime());
      tell('arrays', kept.holes.length, 1 in kept.holes, kept.sparse.length, kept.sparse[100000], Object.keys(kept.sparse));
      kept.sparse[calls] = calls;
    },
    texts: () => {
      tell('regular', kept.regular.exec('Foo bar \u{1F600} Baz')?.groups?.word, kept.regular.lastIndex, kept.sticky.test('abacad'), kept.sticky.lastIndex);
      tell('symbols', Symbol.for('vatd.test') === kept.registered, Symbol.keyFor(kept.registered), String(keys[4]));
      tell('text', JSON.stringify(kept.text), kept.text.length, kept.long.length);
      tell('boxed', kept.boxed.map(b => `${typeof b} ${typeof b.valueOf()} ${String(b.valueOf())}`));
      tell('errors', kept.error.message, kept.error.cause.message, kept.error.extra, kept.error instanceof TypeError, kept.many.errors.length, typeof kept.error.stack, kept.error.stack);
    },
    functions: () => {
      tell('proxy', kept.proxy.inner, kept.proxy.other);
      if (calls === 3) {
        kept.revocable.revoke();
      }
      try {
        tell('revocable', typeof kept.revocable.proxy.x);
      } catch (error) {
        tell('revocable', error.message);
      }
      tell('functions', kept.bound('b'), kept.evaluated(), kept.indirect(2), kept.made(21), kept.template()[0] === kept.template()[0], kept.template()[1]);
      tell('accessors', kept.accessors.next, kept.args.length, kept.args[1]);
      tell('generators', JSON.stringify(kept.generator.next(calls)), JSON.stringify(kept.unstarted.next()));
      if (calls === 5) {
        kept.generator.return();
      }
      savings.grow();
      tell('classes', savings.balance, Account.made(), Account.is(savings), Account.is({}), Account.last === savings, Account.zero, savings instanceof Account);
      tell('hardened', Object.isFrozen(kept.deep), Object.isFrozen(kept.deep.a[0]), harden(kept.deep) === kept.deep, Object.isFrozen(kept.accessors), Object.isFrozen(Object.prototype));
    },
    promises: () => {
      gate(calls);
      promises.pipe();
      promises.done.then(value => tell('done', value));
      promises.failed.catch(reason => tell('failed', reason === kept.error));
      void Promise.race([promises.pending, promises.done]).then(value => tell('race', value));
      void Promise.reject(Error(`nobody handles ${calls}`));
    },
    virtual: () => {
      thing.add();
      loose.add();
      tell('virtual', durable.get('thing') === thing, merely.get(1) === loose, thing.add(), loose.add());
      held.push(makeThing(calls), makeLoose(calls));
      durable.init(calls, held[held.length - 2]);
      merely.init(calls + 1, held[held.length - 1]);
    },
  };

  return Far('root', {
    step: () => {
      calls += 1;
      for (const [name, look] of Object.entries(lookers)) {
        try {
          look();
        } catch (error) {
          tell(name, 'FAILED', error);
        }
      }
    },
    told: () => lines.splice(0).join('\n'),
    ask: async friend => {
      held.push(friend);
      tell('answer', JSON.stringify(await E(friend).question(calls, Far(`callee ${calls}`, {}))));
      tell('again', await E(friend).again());
    },
    hold: presence => {
      held.push(presence);
    },
    letGo: () => {
      held.splice(0);
    },
    later: ms => {
      setTimeout((a, b) => tell('timer', a, b), ms, 'a', calls);
    },
    spin: () => {
      for (;;) {
        calls += 1;
      }
    },
    hog: () => {
      for (;;) {
        held.push(new Array(1000).fill(0));
      }
    },
  });
};
