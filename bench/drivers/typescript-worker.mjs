// SPDX-License-Identifier: Apache-2.0
// A vat's thread: the library's supervisor on a stream to the kernel.
import '@metamask/kernel-shims/endoify';
import { isJsonRpcMessage } from '@metamask/kernel-utils';
import { Logger, splitLoggerStream } from '@metamask/logger';
import { VatSupervisor } from '@metamask/ocap-kernel';
import { NodeWorkerDuplexStream } from '@metamask/streams';
import fs from 'node:fs/promises';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parentPort } from 'node:worker_threads';

const stream = await NodeWorkerDuplexStream.make(parentPort, isJsonRpcMessage);
const { kernelStream } = splitLoggerStream(stream);
const fetchBlob = async url => new Response(await fs.readFile(fileURLToPath(url)));

new VatSupervisor({ id: process.env.VAT_ID, kernelStream, logger: new Logger({ transports: [] }), fetchBlob });
