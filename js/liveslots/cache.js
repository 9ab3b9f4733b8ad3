/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/liveslots/cache.js - that module of liveslots: what was read or written in this crank, by its key. flush() writes what
 * was changed, in the order of the keys, and forgets everything. Here an empty cache costs next to nothing to flush.
 */
const checkKey = key => {
  if (typeof key !== 'string') {
    assert.typeof(key, 'string');
  }
};

export const makeCache = (readBacking, writeBacking, deleteBacking) => {
  const values = new Map();
  const changed = new Set(); // a key in here and not in `values` was deleted

  const get = key => {
    checkKey(key);
    const known = values.get(key);
    if (known !== undefined || values.has(key)) {
      return known;
    }
    if (changed.has(key)) {
      return undefined;
    }
    const value = readBacking(key);
    values.set(key, value);
    return value;
  };

  const set = (key, value) => {
    checkKey(key);
    values.set(key, value);
    changed.add(key);
  };

  const remove = key => {
    checkKey(key);
    values.delete(key);
    changed.add(key);
  };

  const flush = () => {
    if (changed.size > 0) {
      for (const key of [...changed].sort()) {
        if (values.has(key)) {
          writeBacking(key, values.get(key));
        } else {
          deleteBacking(key);
        }
      }
      changed.clear();
    }
    if (values.size > 0) {
      values.clear();
    }
  };

  const insistClear = () => {
    assert(changed.size === 0, 'cache still has dirtyKeys');
    assert(values.size === 0, 'cache still has stash');
  };

  return harden({ get, set, delete: remove, flush, insistClear });
};
