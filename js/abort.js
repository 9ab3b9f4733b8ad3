/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/abort.js - AbortController and AbortSignal. A signal is no EventTarget of the DOM: it knows the one event `abort`, and its
 * listeners get {type, target}.
 */
const { apply } = Reflect;

export const abortError = () => {
  const error = Error('This operation was aborted');
  Object.defineProperty(error, 'name', { value: 'AbortError' });
  return error;
};

let makeSignal; // () -> {signal, abort}; only this file can abort a signal

export class AbortSignal {
  #aborted = false;

  #reason;

  #listeners = [];

  #onabort = null;

  static {
    makeSignal = () => {
      const signal = new AbortSignal(makeSignal);
      return { signal, abort: reason => signal.#abort(reason) };
    };
  }

  constructor(maker) {
    if (maker !== makeSignal) {
      throw TypeError('Illegal constructor');
    }
  }

  #abort(reason = abortError()) {
    if (this.#aborted) {
      return;
    }
    this.#aborted = true;
    this.#reason = reason;
    const event = harden({ type: 'abort', target: this });
    const listeners = [this.#onabort, ...this.#listeners.splice(0)];
    for (const listener of listeners.filter(candidate => candidate !== null)) {
      try {
        apply(typeof listener === 'function' ? listener : listener.handleEvent, this, [event]);
      } catch (error) {
        Promise.reject(error); // as any other rejection that nobody handles, it is told to the log
      }
    }
  }

  static abort(reason = undefined) {
    const { signal, abort } = makeSignal();
    abort(reason);
    return signal;
  }

  static any(signals) {
    const { signal, abort } = makeSignal();
    for (const source of signals) {
      if (source.aborted) {
        abort(source.reason);
      } else {
        source.addEventListener('abort', () => abort(source.reason));
      }
    }
    return signal;
  }

  get aborted() {
    return this.#aborted;
  }

  get reason() {
    return this.#reason;
  }

  get onabort() {
    return this.#onabort;
  }

  set onabort(listener) {
    this.#onabort = typeof listener === 'function' ? listener : null;
  }

  throwIfAborted() {
    if (this.#aborted) {
      throw this.#reason;
    }
  }

  addEventListener(type, listener) {
    if (type === 'abort' && listener && !this.#aborted && !this.#listeners.includes(listener)) {
      this.#listeners.push(listener);
    }
  }

  removeEventListener(type, listener) {
    if (type === 'abort') {
      this.#listeners = this.#listeners.filter(other => other !== listener);
    }
  }
}

export class AbortController {
  #own = makeSignal();

  get signal() {
    return this.#own.signal;
  }

  abort(reason = undefined) {
    this.#own.abort(reason);
  }
}
