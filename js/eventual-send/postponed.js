/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/eventual-send/postponed.js - that module of @endo/eventual-send: the handler of a promise until it is resolved, and the
 * function that ends that. What is asked of the handler is done a turn after the end. Each message makes such a handler, and
 * nearly none is ever asked for anything: so what operations wait for is made when one is asked for, and the handlers
 * share their methods. Nobody but @endo/eventual-send itself sees one.
 */
const { freeze } = Object;

const endOf = handler => {
  if (handler.end === undefined) {
    handler.end = handler.ended
      ? Promise.resolve()
      : new Promise(resolve => {
          handler.finish = resolve;
        });
  }
  return handler.end;
};

const postpone = (handler, operation, target, args) => {
  const { HandledPromise } = handler;
  return new HandledPromise((resolve, reject) => {
    const forward = () => {
      resolve(HandledPromise[operation](target, ...args));
    };
    endOf(handler).then(forward).catch(reject);
  });
};

const methods = freeze({
  get(target, ...args) {
    return postpone(this, 'get', target, args);
  },
  getSendOnly(target, ...args) {
    return postpone(this, 'getSendOnly', target, args);
  },
  applyFunction(target, ...args) {
    return postpone(this, 'applyFunction', target, args);
  },
  applyFunctionSendOnly(target, ...args) {
    return postpone(this, 'applyFunctionSendOnly', target, args);
  },
  applyMethod(target, ...args) {
    return postpone(this, 'applyMethod', target, args);
  },
  applyMethodSendOnly(target, ...args) {
    return postpone(this, 'applyMethodSendOnly', target, args);
  },
});

export const makePostponedHandler = HandledPromise => {
  const handler = { __proto__: methods, HandledPromise, end: undefined, ended: false, finish: undefined };
  const donePostponing = () => {
    handler.ended = true;
    if (handler.finish !== undefined) {
      handler.finish();
    }
  };
  return [handler, donePostponing];
};
