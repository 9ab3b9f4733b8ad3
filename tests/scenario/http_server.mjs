// SPDX-License-Identifier: Apache-2.0
// An HTTP server for the scenarios, on a free port of 127.0.0.1 that it prints. It ends when its standard input does.
import { createServer } from 'node:http';

const text = (response, status, body, headers = {}) => response.writeHead(status, headers).end(body);

const read = async request => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
};

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://x');
  switch (pathname) {
    case '/hello':
      return text(response, 200, 'grüß dich', { 'X-Two': ['a', 'b'], 'Content-Type': 'text/plain' });
    case '/json':
      return text(response, 200, '{"a":[1,null]}');
    case '/echo':
      return text(
        response,
        201,
        JSON.stringify([request.method, request.headers['x-mine'] ?? null, request.headers['content-type'] ?? null,
          request.headers.authorization ?? null, await read(request)]),
      );
    case '/redirect':
      return text(response, Number(searchParams.get('status') ?? 302), '', { Location: searchParams.get('to') });
    case '/loop':
      return text(response, 302, '', { Location: '/loop' });
    case '/large':
      return text(response, 200, Buffer.alloc(Number(searchParams.get('size')), 'x'));
    case '/slow': // never answered
      return undefined;
    default:
      return text(response, 404, 'nothing here');
  }
});

server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.resume().on('end', () => process.exit(0));
