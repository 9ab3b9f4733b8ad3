// SPDX-License-Identifier: Apache-2.0
// Memory of a tree of processes, from /proc.
import fs from 'node:fs';

const parentOf = pid => {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined; // it has ended meanwhile
  }
};

/** The process and all that descend from it, those in namespaces of their own included. */
export const processTree = root => {
  const children = new Map();
  for (const name of fs.readdirSync('/proc').filter(entry => /^\d+$/.test(entry))) {
    const parent = parentOf(name);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [root];
  for (let at = 0; at < tree.length; at += 1) {
    tree.push(...(children.get(tree[at]) ?? []));
  }
  return tree;
};

const pssOf = pid => {
  const rollup = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
};

export const pssBytes = pids => {
  try {
    return pids.reduce((sum, pid) => sum + pssOf(pid), 0);
  } catch {
    return undefined;
  }
};
