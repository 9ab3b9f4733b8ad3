/* SPDX-License-Identifier: Apache-2.0 */
/* tests/scenario/vats/workshop.js - the kinds of objects a vat can make, and what its world has in it. */
import { E, Far } from '@endo/far';
import { defineExoClass, makeExo } from '@endo/exo';
import { M } from '@endo/patterns';

export const buildRootObject = (vatPowers, parameters, baggage) => {
  const { VatData, exitVat, exitVatWithFailure } = vatPowers;
  const provide = (key, make) => {
    if (!baggage.has(key)) {
      baggage.init(key, make());
    }
    return baggage.get(key);
  };

  const PointI = M.interface('Point', {
    move: M.call(M.number(), M.number()).returns(M.any()),
    where: M.call().returns(M.arrayOf(M.number())),
  });
  const makePoint = defineExoClass('Point', PointI, (x, y) => ({ x, y }), {
    move(dx, dy) {
      this.state.x += dx;
      this.state.y += dy;
      return this.self;
    },
    where() {
      return harden([this.state.x, this.state.y]);
    },
  });

  const makePurse = VatData.defineDurableKindMulti(
    provide('purseKind', () => VatData.makeKindHandle('purse')),
    balance => ({ balance }),
    {
      owner: {
        pay: ({ state }, amount) => {
          if (amount > state.balance) {
            throw RangeError(`only ${state.balance} left`);
          }
          state.balance -= amount;
          return state.balance;
        },
        facets: ({ facets }) => harden({ viewer: facets.viewer }),
      },
      viewer: { balance: ({ state }) => state.balance },
    },
  );

  const scores = provide('scores', () => VatData.makeScalarBigMapStore('scores', { durable: true }));
  const members = provide('members', () => VatData.makeScalarBigSetStore('members', { durable: true }));

  async function* countTo(limit) {
    for (let i = 1; i <= limit; i += 1) {
      yield i;
    }
  }

  return makeExo('workshop', undefined, {
    bootstrap() {},

    makePoint: (x, y) => makePoint(x, y),
    makePurse: balance => makePurse(balance).owner,

    score(name, points) {
      if (scores.has(name)) {
        scores.set(name, scores.get(name) + points);
      } else {
        scores.init(name, points);
      }
    },
    scores: () => harden([...scores.entries()]),
    forget: name => scores.delete(name),
    join: member => members.add(member),
    leave: member => members.delete(member),
    isMember: member => members.has(member),
    memberCount: () => members.getSize(),

    /* An iterator that another vat can read from. */
    makeReader(limit) {
      const generator = countTo(limit);
      return Far('reader', { next: () => generator.next().then(harden) });
    },
    async sum(reader) {
      let total = 0;
      for (let step = await E(reader).next(); !step.done; step = await E(reader).next()) {
        total += step.value;
      }
      return total;
    },

    parameters: () => parameters,
    powers: () => harden(Object.keys(vatPowers).sort()),
    globals: names => harden(names.filter(name => name in globalThis)),
    frozen: () => Object.isFrozen(Array.prototype) && Object.isFrozen(Object.prototype),
    now: () => Date.now(),
    random: () => Math.random(),
    dynamicImport: () => new Function('return im' + 'port("fs")')(),

    speakUp() {
      for (const level of ['debug', 'log', 'info', 'warn', 'error']) {
        console[level](`at ${level}`);
      }
    },

    exit(value) {
      scores.init('exit', 1);
      exitVat(value);
      return 'last words';
    },
    exitWithFailure(reason) {
      scores.init('exit', 1);
      exitVatWithFailure(Error(reason));
      return 'last words';
    },
  });
};
