/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/globals.js - the globals that a vat's configuration asks for. Which names there are is the kernel's to say
 * (src/kernel/endowments.c); here each is made, for the one vat of this worker, and only if it was asked for.
 */
import { makePromiseKit } from '@endo/promise-kit';
import urlSource from 'vat-url-source'; // the text of url.js
import { AbortController, AbortSignal } from './abort.js';
import { makeCrypto, makeDate, makeMath } from './clock-and-chance.js';
import { atob, btoa, TextDecoder, TextEncoder } from './encoding.js';
import { Headers, makeFetch, Request, Response } from './fetch.js';
import { makeTimers } from './timers.js';

/*
 * `kernelObjects` is {timer?: presence, fetch?: presence}, or a promise for it: a vat's code is evaluated before liveslots
 * hands out its first presence.
 */
/* core-js assigns to the methods of its WeakMap, which the frozen one does not let it, and asks whether it is native. */
class OpenWeakMap extends WeakMap {
  get(key) {
    return super.get(key);
  }

  has(key) {
    return super.has(key);
  }

  set(key, value) {
    return super.set(key, value);
  }

  static toString() {
    return 'native code';
  }
}

/* The random number is for the names of its hidden properties; nothing depends on it. */
const evaluateUrl = host => {
  const compartment = new Compartment({ Math: makeMath(host.random), WeakMap: OpenWeakMap });
  /* The engine's regular expressions get ranges wrong that begin with \0, which core-js asks for non-ASCII with. */
  const source = urlSource.replace(/\[\^\\0-(?:\\u007E|~)\]/g, '[\\x7f-\\uffff]');
  return compartment.evaluate(`${source}\nurlExports`);
};

const makers = ({ host, console, kernelObject }) => {
  const makeOnce = make => {
    let made;
    return () => {
      made ??= make();
      return made;
    };
  };
  const url = makeOnce(() => evaluateUrl(host));
  const timers = makeOnce(() => makeTimers(kernelObject('timer'), console));
  return {
    setTimeout: () => timers().setTimeout,
    clearTimeout: () => timers().clearTimeout,
    setInterval: () => timers().setInterval,
    clearInterval: () => timers().clearInterval,
    Date: makeDate,
    Math: () => makeMath(host.random),
    crypto: () => makeCrypto(host.random),
    fetch: () => makeFetch(kernelObject('fetch')),
    Headers: () => Headers,
    Request: () => Request,
    Response: () => Response,
    TextEncoder: () => TextEncoder,
    TextDecoder: () => TextDecoder,
    URL: () => url().URL,
    URLSearchParams: () => url().URLSearchParams,
    atob: () => atob,
    btoa: () => btoa,
    AbortController: () => AbortController,
    AbortSignal: () => AbortSignal,
  };
};

/*
 * Returns {endowments, provide}: the granted globals by name, hardened, and the function that is called once with the
 * kernel's objects.
 */
export const makeGlobals = (vatID, names, { host, console }) => {
  const kit = makePromiseKit();
  const kernelObject = name => kit.promise.then(objects => objects[name]);
  const table = makers({ host, console, kernelObject });
  const endowments = {};
  for (const name of names) {
    if (Object.hasOwn(table, name)) {
      endowments[name] = harden(table[name]());
    } else {
      console.warn(`Vat "${vatID}" requested unknown global "${name}"`); // the kernel lets none pass
    }
  }
  return { endowments, provide: objects => kit.resolve(objects) };
};
