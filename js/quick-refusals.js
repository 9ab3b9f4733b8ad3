/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/quick-refusals.js - SES searches all source for three patterns, one byte after the other, which takes longer than all
 * else in the start of a vat. While SES is loaded, the method of strings that it searches with is one that asks the host first
 * (src/vat-worker/source_scan.c). What may hold a pattern is searched as ever: what is refused, and with which words, is SES's to say.
 *
 * SES keeps the method it found; nobody else ever sees it, for restoreSearch() takes it away again.
 */
const { mayBeRefused } = globalThis.vatHost;
const { apply } = Reflect;
const { search } = String.prototype;

/* The patterns of SES that the host knows, as the engine shows them. If a later SES has others, they are searched for. */
const known = new Set(
  ['(?:<!--|-->)', '(^|[^.]|\\.\\.\\.)\\bimport(\\s*(?:\\(|/[/*]))', '(^|[^.])\\beval(\\s*\\()'].map(
    pattern => new RegExp(pattern, 'g').source,
  ),
);

const quick = {
  search(pattern) {
    return known.has(pattern.source) && !mayBeRefused(this) ? -1 : apply(search, this, [pattern]);
  },
};

const setSearch = value => {
  Object.defineProperty(String.prototype, 'search', { value, writable: true, enumerable: false, configurable: true });
};

setSearch(quick.search);

export const restoreSearch = () => setSearch(search);
