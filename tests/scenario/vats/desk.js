/* SPDX-License-Identifier: Apache-2.0 */
/* A vat that calls the services it was given, for a test that says which: `ask(service, method, ...args)`. What it was told is
 * answered as text, references as they are; `remember` keeps the last answer, `recall` hands it out. */
import { E } from '@endo/eventual-send';
import { Far } from '@endo/far';

export const buildRootObject = (_vatPowers, _parameters, baggage) => {
  const service = name => baggage.get(`service ${name}`);
  return Far('desk', {
    bootstrap: (vats, services) => {
      for (const [name, object] of Object.entries(services)) {
        baggage.init(`service ${name}`, object);
      }
      return Object.keys(services).join(' ');
    },
    ask: (name, method, ...args) => E(service(name))[method](...args),
    tell: (name, method, ...args) => {
      E(service(name))[method](...args).catch(() => {});
    },
    offer: name => E(service(name)).take(Far('thing', { weigh: () => 7 })),
    echo: value => value,
    measure: async (name, method, ...args) => E(E(service(name))[method](...args)).weigh(),
    relay: (name, method, ...args) => E(E(service(name))[method](...args)).echo('hello'),
  });
};
