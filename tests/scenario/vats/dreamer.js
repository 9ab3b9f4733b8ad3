/* SPDX-License-Identifier: Apache-2.0 */
/* A vat that keeps nothing in its storage: all it knows is in its heap. */
import { Far } from '@endo/far';
import { E } from '@endo/eventual-send';
import { makePromiseKit } from '@endo/promise-kit';

function* walk() {
  for (let step = 1; ; step += 1) {
    yield step;
  }
}

export const buildRootObject = () => {
  let count = 0;
  let rings = 0;
  let answer = 'nothing';
  let hasCounted = false;
  const kits = new Map();
  const steps = walk();

  const kitOf = name => {
    if (!kits.has(name)) {
      kits.set(name, makePromiseKit());
    }
    return kits.get(name);
  };

  return Far('root', {
    bootstrap: () => {},
    increment: () => {
      count += 1;
      return count;
    },
    step: () => steps.next().value,
    /* An answer that comes when somebody gives it. */
    wait: name => kitOf(name).promise,
    give: (name, value) => kitOf(name).resolve(value),
    makeCell: value => Far('cell', { read: () => value }),
    /* Waits for another vat, in an async function that stands still meanwhile. */
    keepAsking: (other, name) => {
      const ask = async () => {
        answer = await E(other).wait(name);
      };
      ask();
    },
    heard: () => answer,
    alarm: ms => {
      // eslint-disable-next-line no-undef
      setTimeout(() => {
        rings += 1;
      }, ms);
    },
    rings: () => rings,
    count: to => {
      for (let i = 0; i < to; i += 1);
      hasCounted = true;
    },
    counted: () => hasCounted,
    spin: () => {
      for (;;);
    },
  });
};
