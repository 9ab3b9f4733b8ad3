// SPDX-License-Identifier: Apache-2.0
// Rounds made into medians with minimum and maximum.

export const summarize = rounds => {
  const names = [...new Set(rounds.flatMap(Object.keys))];
  const figures = names.map(name => {
    const values = rounds
      .map(round => round[name])
      .filter(value => Number.isFinite(value))
      .sort((a, b) => a - b);
    if (values.length === 0) {
      return [name, undefined];
    }
    const middle = values.length / 2;
    const median = (values[Math.floor(middle)] + values[Math.ceil(middle) - 1]) / 2;
    return [name, { median, min: values[0], max: values.at(-1), rounds: values.length }];
  });
  return Object.fromEntries(figures.filter(([, figure]) => figure));
};
