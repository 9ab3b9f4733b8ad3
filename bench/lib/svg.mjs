// SPDX-License-Identifier: Apache-2.0
// What the plots are drawn with: elements of SVG, and a logarithmic axis.

const FONT = 'font-family="DejaVu Sans, Verdana, sans-serif"';

const escape = text => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

export const text = (x, y, content, { size = 12, anchor = 'start', weight = 'normal', fill = '#222' } = {}) =>
  `<text x="${x}" y="${y}" font-size="${size}" text-anchor="${anchor}" font-weight="${weight}" fill="${fill}" ${FONT}>${escape(content)}</text>`;

export const line = (x1, y1, x2, y2, { stroke = '#ddd', width = 1 } = {}) =>
  `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${stroke}" stroke-width="${width}"/>`;

export const rectangle = (x, y, width, height, fill) =>
  `<rect x="${x}" y="${y}" width="${Math.max(width, 1)}" height="${height}" fill="${fill}"/>`;

export const circle = (x, y, radius, fill, stroke = fill) =>
  `<circle cx="${x}" cy="${y}" r="${radius}" fill="${fill}" stroke="${stroke}" stroke-width="1.5"/>`;

export const polyline = (points, stroke) =>
  `<polyline points="${points.map(point => point.join(',')).join(' ')}" fill="none" stroke="${stroke}" stroke-width="2"/>`;

export const document = (width, height, parts) =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    rectangle(0, 0, width, height, '#fff'),
    ...parts,
    '</svg>',
    '',
  ].join('\n');

/** Whole decades around the values, from pixel `from` to pixel `to`. */
export const logScale = (values, from, to) => {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(Math.ceil(Math.log10(Math.max(...values))), low + 1);
  const at = value => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
  return { at, ticks: Array.from({ length: high - low + 1 }, (_none, power) => 10 ** (low + power)) };
};
