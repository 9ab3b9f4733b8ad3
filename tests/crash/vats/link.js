/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link of the chains in the kill test: notes what it is sent, per sender, and passes it on if it knows to whom. Its
 * name is its parameter; the answer comes when the end of the chain has answered.
 */
import { E, Far } from './far.js';
import { openLedger } from './ledger.js';

export const buildRootObject = (_vatPowers, { name, senders }, baggage) => {
  const ledgers = new Map(senders.map(sender => [sender, openLedger(baggage, sender)]));
  const next = () => (baggage.has('next') ? baggage.get('next') : undefined);
  const ledgerOf = sender => ledgers.get(sender) || assert.fail(`who is ${sender}?`);
  return Far('link', {
    connect: to => baggage.init('next', to),
    relay: (sender, id) => {
      ledgerOf(sender).note(id);
      return next() && E(next()).relay(name, id);
    },
    /** The states of what came from `sender` here, and from here on to the end of the chain. */
    flush: async (sender, known) => {
      const own = ledgerOf(sender).read(known);
      return next() ? [own, ...(await E(next()).flush(name, known))] : [own];
    },
  });
};
