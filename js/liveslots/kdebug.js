/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/liveslots/kdebug.js - that module of liveslots, without the names that it makes, for each message, for a trace that is
 * never on.
 */
export * from '../../node_modules/@agoric/swingset-liveslots/src/kdebug.js';

export const extractMethod = () => '';

export const legibilizeMethod = () => '';
