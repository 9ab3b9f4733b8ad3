/* SPDX-License-Identifier: Apache-2.0 */
/* An object for others to hold. */
import { Far } from '@endo/far';

export const buildRootObject = () => Far('guest', { hello: () => 'hello' });
