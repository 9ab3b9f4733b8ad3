/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/format.js - values as text, the way a terminal's console shows them.
 *
 * Strings stand bare at the top and quoted inside; objects show one level of their own data; errors read `name:
 * message`. What is shown belongs to a vat and may be hostile: accessors are never called, a proxy whose traps throw
 * becomes `[unreadable]`, and what is printed is bounded in depth, in members and in characters.
 */
const MAX_DEPTH = 1;
const MAX_MEMBERS = 100;
const MAX_NESTED_STRING = 10000;
const MAX_LINE = 70000; // a little over what the host lets pass, so that the host sees that it was more

const { getOwnPropertyDescriptor, getPrototypeOf } = Object;
const { ownKeys } = Reflect;
const { isArray } = Array;
const uncurry = method => (self, ...args) => Reflect.apply(method, self, args);
const mapSize = uncurry(getOwnPropertyDescriptor(Map.prototype, 'size').get);
const setSize = uncurry(getOwnPropertyDescriptor(Set.prototype, 'size').get);
const mapForEach = uncurry(Map.prototype.forEach);
const setForEach = uncurry(Set.prototype.forEach);
const stackOf = getOwnPropertyDescriptor(Error.prototype, 'stack')?.get;
const IDENTIFIER = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

/* Lockdown turns data properties of these into accessors (the override mistake): theirs alone may be called. */
const intrinsicPrototypes = new Set(
  Reflect.ownKeys(globalThis)
    .map(name => getOwnPropertyDescriptor(globalThis, name).value)
    .filter(value => typeof value === 'function')
    .map(value => getOwnPropertyDescriptor(value, 'prototype')?.value),
);

const valueOf = (descriptor, holder) => {
  const { value, get } = descriptor;
  return get && intrinsicPrototypes.has(holder) ? Reflect.apply(get, holder, []) : value;
};

/* The value of a property, own or inherited; undefined for a vat's accessors. */
const dataProperty = (object, key) => {
  for (let at = object; at !== null && at !== undefined; at = getPrototypeOf(at)) {
    const descriptor = getOwnPropertyDescriptor(at, key);
    if (descriptor) {
      return valueOf(descriptor, at);
    }
  }
  return undefined;
};

const textProperty = (object, key) => {
  const value = dataProperty(object, key);
  return typeof value === 'string' ? value : undefined;
};

const isError = value => {
  for (let at = value; at !== null; at = getPrototypeOf(at)) {
    if (at === Error.prototype) {
      return true;
    }
  }
  return false;
};

const headOfError = error => {
  const name = textProperty(error, 'name') ?? 'Error';
  const message = textProperty(error, 'message') ?? '';
  return message === '' ? name : `${name}: ${message}`;
};

/* The frames of an error that lie in the vat's own code (bundle-loader.js names it `vat`), one per line, or ''. */
const framesOf = error => {
  let stack = textProperty(error, 'stack');
  if (stack === undefined && stackOf) {
    stack = Reflect.apply(stackOf, error, []);
  }
  if (typeof stack !== 'string') {
    return '';
  }
  const lines = stack.split('\n').filter(line => /^ *at .*\(vat:/.test(line));
  return lines.map(line => `\n  ${line.trim()}`).join('');
};

const formatError = (error, options) => (options.stacks ? headOfError(error) + framesOf(error) : headOfError(error));

const quote = text => {
  const cut = text.length > MAX_NESTED_STRING ? `${text.slice(0, MAX_NESTED_STRING)}...` : text;
  return `'${cut.replace(/[\\']/g, '\\$&').replace(/\n/g, '\\n')}'`;
};

const formatFunction = fn => {
  const name = textProperty(fn, 'name');
  return name ? `[Function: ${name}]` : '[Function (anonymous)]';
};

const formatKey = key => {
  if (typeof key === 'symbol') {
    return `[${String(key)}]`;
  }
  return IDENTIFIER.test(key) ? key : quote(key);
};

const enclose = (prefix, open, parts, close) => {
  const head = prefix ? `${prefix} ` : '';
  return parts.length === 0 ? `${head}${open}${close}` : `${head}${open} ${parts.join(', ')} ${close}`;
};

const formatPrimitive = value => {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'bigint':
      return `${value}n`;
    case 'symbol':
      return String(value);
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    default:
      return String(value);
  }
};

const formatMember = (object, key, depth, options) => {
  const descriptor = getOwnPropertyDescriptor(object, key);
  if (!descriptor || 'value' in descriptor) {
    return formatValue(descriptor?.value, depth + 1, options);
  }
  return descriptor.get ? '[Getter]' : '[Setter]';
};

const formatArray = (array, depth, options) => {
  const length = dataProperty(array, 'length');
  if (depth > MAX_DEPTH) {
    return '[Array]';
  }
  const parts = [];
  for (let i = 0; i < length && i < MAX_MEMBERS; i += 1) {
    parts.push(formatMember(array, String(i), depth, options));
  }
  if (length > MAX_MEMBERS) {
    parts.push(`... ${length - MAX_MEMBERS} more items`);
  }
  return enclose('', '[', parts, ']');
};

const formatMap = (map, depth, options) => {
  const parts = [];
  mapForEach(map, (value, key) => {
    if (depth <= MAX_DEPTH && parts.length < MAX_MEMBERS) {
      parts.push(`${formatValue(key, depth + 1, options)} => ${formatValue(value, depth + 1, options)}`);
    }
  });
  return enclose(`Map(${mapSize(map)})`, '{', parts, '}');
};

const formatSet = (set, depth, options) => {
  const parts = [];
  setForEach(set, value => {
    if (depth <= MAX_DEPTH && parts.length < MAX_MEMBERS) {
      parts.push(formatValue(value, depth + 1, options));
    }
  });
  return enclose(`Set(${setSize(set)})`, '{', parts, '}');
};

/* What stands before the brace: the class, and the tag if it says something else (`Object [Alleged: counter] {}`). */
const prefixOf = object => {
  const constructor = dataProperty(object, 'constructor');
  const name = typeof constructor === 'function' ? (textProperty(constructor, 'name') ?? '') : '';
  const tag = textProperty(object, Symbol.toStringTag);
  const base = getPrototypeOf(object) === null ? '[Object: null prototype]' : name;
  if (tag && tag !== name) {
    return `${base || 'Object'} [${tag}]`;
  }
  return base === 'Object' ? '' : base;
};

const formatObject = (object, depth, options) => {
  const prefix = prefixOf(object);
  if (depth > MAX_DEPTH) {
    return `[${prefix || 'Object'}]`;
  }
  const shown = ownKeys(object).filter(key => getOwnPropertyDescriptor(object, key)?.enumerable);
  const parts = shown
    .slice(0, MAX_MEMBERS)
    .map(key => `${formatKey(key)}: ${formatMember(object, key, depth, options)}`);
  if (shown.length > MAX_MEMBERS) {
    parts.push(`... ${shown.length - MAX_MEMBERS} more`);
  }
  return enclose(prefix, '{', parts, '}');
};

const isBranded = (value, probe) => {
  try {
    probe(value);
    return true;
  } catch (_error) {
    return false;
  }
};

const formatReference = (value, depth, options) => {
  if (typeof value === 'function') {
    return formatFunction(value);
  }
  if (isError(value)) {
    return depth === 0 ? formatError(value, options) : `[${headOfError(value)}]`;
  }
  if (isArray(value)) {
    return formatArray(value, depth, options);
  }
  if (isBranded(value, mapSize)) {
    return formatMap(value, depth, options);
  }
  return isBranded(value, setSize) ? formatSet(value, depth, options) : formatObject(value, depth, options);
};

function formatValue(value, depth, options) {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) {
    return formatPrimitive(value);
  }
  try {
    return formatReference(value, depth, options);
  } catch (_error) {
    return '[unreadable]';
  }
}

const formatTop = (value, options) => (typeof value === 'string' ? value : formatValue(value, 0, options));

const formatDirective = (directive, value, options) => {
  switch (directive) {
    case 's':
      return formatTop(value, options);
    case 'd':
    case 'i':
    case 'f':
      return typeof value === 'number' || typeof value === 'bigint' ? formatPrimitive(value) : 'NaN';
    case 'c':
      return '';
    default:
      return formatValue(value, 0, options);
  }
};

/* One console call as one text, `%s` and its kind included. */
export const formatLine = (args, options = {}) => {
  let rest = args;
  const parts = [];
  if (typeof args[0] === 'string' && args.length > 1) {
    let next = 1;
    const replace = (match, directive) => {
      if (directive === '%') {
        return '%';
      }
      if (next >= args.length) {
        return match;
      }
      next += 1;
      return formatDirective(directive, args[next - 1], options);
    };
    parts.push(args[0].replace(/%([sdifjoOc%])/g, replace));
    rest = args.slice(next);
  }
  for (const value of rest) {
    parts.push(formatTop(value, options));
  }
  return parts.join(' ').slice(0, MAX_LINE);
};

/* The reason of a failure: `name: message` and its frames for an error, the value itself for anything else. */
export const formatReason = reason => formatTop(reason, { stacks: true }).slice(0, MAX_LINE);
