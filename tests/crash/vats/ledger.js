/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a vat of the kill test knows of the numbers it was sent: how many, the last one, how often one came that was not
 * greater than the one before, and between which two numbers others were missing. In four rows, so that half a crank
 * shows.
 */
export const openLedger = (baggage, name) => {
  const first = { count: 0, last: 0, violations: 0, gaps: harden([]) };
  for (const [row, value] of Object.entries(first)) {
    if (!baggage.has(`${name}.${row}`)) {
      baggage.init(`${name}.${row}`, value);
    }
  }
  const get = row => baggage.get(`${name}.${row}`);
  const set = (row, value) => baggage.set(`${name}.${row}`, value);

  const note = id => {
    const last = get('last');
    set('count', get('count') + 1);
    if (id <= last) {
      set('violations', get('violations') + 1);
      return;
    }
    if (id > last + 1) {
      set('gaps', harden([...get('gaps'), [last, id]]));
    }
    set('last', id);
  };

  /** What there is to know. Gaps up to `known` have been seen by the reader and are forgotten. */
  const read = known => {
    const gaps = get('gaps').filter(([_, to]) => to > known);
    if (gaps.length < get('gaps').length) {
      set('gaps', harden(gaps));
    }
    return harden({ count: get('count'), last: get('last'), violations: get('violations'), gaps });
  };

  return harden({ note, read });
};
