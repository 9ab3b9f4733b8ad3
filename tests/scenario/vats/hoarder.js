/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes virtual objects and collections, some for its baggage's durable things and some for imports, and forgets them with
 * its incarnation. `keep` stores durably; `hoard` makes what is merely virtual and refers to all that is kept.
 */
import { Far } from '@endo/far';

export const buildRootObject = (vatPowers, _parameters, baggage) => {
  const { VatData } = vatPowers;
  const { makeKindHandle, defineDurableKind, defineKind } = VatData;
  const { makeScalarBigMapStore, makeScalarBigSetStore, makeScalarBigWeakMapStore } = VatData;
  const provide = (key, make) => {
    if (!baggage.has(key)) {
      baggage.init(key, make());
    }
    return baggage.get(key);
  };
  const handle = provide('handle', () => makeKindHandle('thing'));
  const makeThing = defineDurableKind(handle, name => ({ name }), { getName: ({ state }) => state.name });
  const hoard = [];

  return Far('hoarder', {
    bootstrap: () => {},
    keep: (name, guest) => {
      provide('map', () => makeScalarBigMapStore('map', { durable: true }));
      baggage.get('map').init(name, harden({ thing: makeThing(name), guest }));
    },
    hoard: (names, guest) => {
      const makeVirtual = defineKind('virtual', held => ({ held, again: held, list: harden([held, held]) }), {
        get: ({ state }) => state.held,
      });
      const map = makeScalarBigMapStore('virtual map');
      const set = makeScalarBigSetStore('virtual set');
      const weak = makeScalarBigWeakMapStore('virtual weak map');
      const lost = makeScalarBigMapStore('durable, but held by a variable only', { durable: true });
      for (const name of names) {
        const { thing } = baggage.get('map').get(name);
        const virtual = makeVirtual(thing);
        map.init(name, harden({ virtual, thing, guest }));
        map.init(thing, virtual);
        set.add(thing);
        set.add(virtual);
        weak.init(thing, harden([virtual, guest]));
        weak.init(guest, thing);
        weak.delete(guest);
        lost.init(thing, guest);
      }
      set.add(guest);
      const exported = makeVirtual(makeThing('held by a virtual object only'));
      hoard.push(map, set, weak, lost, exported);
      return exported;
    },
    names: () => [...(baggage.has('map') ? baggage.get('map').keys() : [])],
    thingName: name => baggage.get('map').get(name).thing.getName(),
  });
};
