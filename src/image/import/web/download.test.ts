// Downloads by names: where the connection really goes, whatever a name resolves to and when.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { networks } from './address-rules.ts';
import { openWeb } from './download.ts';

let web: Server;
let port: number;
let asked: string[];
before(async () => {
  web = createServer((request, response) => {
    asked.push(`${request.headers.host}${request.url}`);
    if (request.url === '/away')
      return void response.writeHead(301, { location: 'http://other.example/' }).end();
    if (request.url === '/silent') return;
    response.end('data');
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  port = (web.address() as AddressInfo).port;
});
after(async () => {
  web.closeAllConnections();
  await new Promise((resolve) => web.close(resolve));
});

const signal = new AbortController().signal;
const rules = (inside: readonly string[] = ['127.0.0.1/32']) => ({
  ports: [port, 80],
  allowed: networks(inside),
  maxRedirects: 3,
  answerMs: 300,
});

test('connects to the address that was checked, in the name that was asked for', async () => {
  asked = [];
  let resolved = 0;
  const resolve = async () => {
    resolved += 1;
    return ['127.0.0.1'];
  };
  const { stream, size } = await openWeb(`http://disks.example:${port}/a?b`, rules(), signal, resolve);
  assert.deepEqual([await text(stream), size, resolved], ['data', 4, 1]);
  assert.deepEqual(asked, [`disks.example:${port}/a?b`]);
});

test('refuses a name of which any address is inside, and connects to none', async () => {
  asked = [];
  for (const addresses of [
    ['127.0.0.1'],
    ['8.8.8.8', '127.0.0.1'],
    ['8.8.8.8', '::ffff:127.0.0.1'],
    ['fd00::1'],
    ['169.254.169.254'],
    ['nonsense'],
  ]) {
    const opening = openWeb(`http://evil.example:${port}/`, rules([]), signal, async () => addresses);
    await assert.rejects(opening, { code: 'inside-address' }, addresses.join());
  }
  assert.deepEqual(asked, []);
});

test('looks again at each name that a redirect leads to', async () => {
  asked = [];
  const resolve = async (host: string) => [host === 'other.example' ? '10.0.0.1' : '127.0.0.1'];
  const opening = openWeb(`http://disks.example:${port}/away`, rules(), signal, resolve);
  await assert.rejects(opening, { code: 'inside-address', message: /^other\.example / });
  assert.equal(asked.length, 1);
});

test('gives up names that do not resolve, servers that are silent, and when it is told', async () => {
  const open = async (path: string, addresses: readonly string[], by = signal) =>
    openWeb(`http://disks.example:${port}${path}`, rules(), by, async () => addresses);
  await assert.rejects(open('/', []), { code: 'download-failed' });
  await assert.rejects(
    openWeb('http://disks.example/', rules(), signal, async () => Promise.reject(new Error('ENOTFOUND'))),
    { code: 'download-failed' },
  );
  await assert.rejects(open('/silent', ['127.0.0.1']), /no answer within 0.3 s/);
  await assert.rejects(open('/silent', ['127.0.0.1'], AbortSignal.timeout(20)));
});
