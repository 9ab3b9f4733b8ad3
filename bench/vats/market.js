// SPDX-License-Identifier: Apache-2.0
// W6: the mix of deliveries that a production chain sees. Every delivery makes 24 storage calls, 16 reads and 8 writes; of
// the nine deliveries of a trade five are notifications:
//
//     host -> maker.trade, maker -> quoter.quote = p, maker -> recorder.record(p) = r, maker -> auditor.audit(p) = a
//     p settles: maker, recorder, auditor are notified; r and a settle: maker is
//
// (E.sendOnly would be the way to ask the auditor, but with these liveslots it sends nothing, in any of the kernels.)
import { E, Far } from '@endo/far';

const KEYS = 512;
const SETS = 8; // a set reads the old value first
const GETS = 8;

export const buildRootObject = ({ VatData }, _parameters, baggage) => {
  if (!baggage.has('book')) {
    const book = VatData.makeScalarBigMapStore('book', { durable: true });
    for (let key = 0; key < KEYS; key += 1) {
      book.init(key, 'nothing yet');
    }
    baggage.init('book', book);
  }
  const book = baggage.get('book');
  let worked = 0;
  let next = 0;
  const key = () => {
    next = (next + 37) % KEYS;
    return next;
  };
  const work = () => {
    worked += 1;
    for (let set = 0; set < SETS; set += 1) {
      book.set(key(), `entry ${worked}`);
    }
    for (let get = 0; get < GETS; get += 1) {
      book.get(key());
    }
  };
  let others;
  return Far('market', {
    bootstrap: () => {},
    meet: (quoter, recorder, auditor) => {
      others = { quoter, recorder, auditor };
    },
    worked: () => worked,
    trade: async () => {
      work();
      const price = E(others.quoter).quote();
      const receipt = E(others.recorder).record(price);
      const audit = E(others.auditor).audit(price);
      await price;
      work();
      await receipt;
      work();
      await audit;
      work();
    },
    quote: () => {
      work();
      return worked;
    },
    record: async price => {
      work();
      await price;
      work();
      return worked;
    },
    audit: async price => {
      work();
      await price;
      work();
    },
  });
};
