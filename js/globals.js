/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/globals.js - the globals that a vat's configuration asks for. Which names there are is the kernel's to say
 * (src/kernel/endowments.c); here each is made, for the one vat of this worker, and only if it was asked for.
 */
import { makePromiseKit } from '@endo/promise-kit';
import { AbortController, AbortSignal } from './abort.js';
import { makeCrypto, makeDate, makeMath } from './clock-and-chance.js';
import { atob, btoa, TextDecoder, TextEncoder } from './encoding.js';
import { Headers, makeFetch, Request, Response } from './fetch.js';
import { makeTimers } from './timers.js';

/*
 * `kernelObjects` is {timer?: presence, fetch?: presence}, or a promise for it: a vat's code is evaluated before liveslots
 * hands out its first presence.
 */
const makers = ({ host, console, kernelObject }) => {
  const makeOnce = make => {
    let made;
    return () => {
      made ??= make();
      return made;
    };
  };
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
export const makeGlobals = (names, { host, console }) => {
  const kit = makePromiseKit();
  const kernelObject = name => kit.promise.then(objects => objects[name]);
  const table = makers({ host, console, kernelObject });
  const endowments = {};
  for (const name of names) {
    endowments[name] = harden(table[name]());
  }
  return { endowments, provide: objects => kit.resolve(objects) };
};
