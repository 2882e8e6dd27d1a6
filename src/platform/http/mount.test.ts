// A whole small API, mounted and called over real sockets: what clients, hostile ones too, get to see.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import Fastify from 'fastify';
import { Type } from 'typebox';
import { DomainError } from '#platform/errors/domain-error.ts';
import { createLog } from '#platform/log/log.ts';
import { Enforcer } from '#platform/policy/enforcer.ts';
import { CALLERS, namedTokens, OTHER_PROJECT, principalOf } from '#test/support/service-harness.ts';
import { until as untilTrue } from '#test/support/until.ts';
import { Reply, type Api, type Call, type Route } from './api.ts';
import { mountApi } from './mount.ts';

const lines: string[] = [];
const log = createLog({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } });
const waiting = { started: 0, aborted: 0 };
const strict = { additionalProperties: false } as const;

class NoSuchThing extends DomainError {
  constructor() {
    super('conflict', 'no-such-thing', 'Thing 7 is busy: wait until it is not.', { fields: { thing: 7 } });
  }
}

const show = async (call: Call): Promise<unknown> => ({
  path: call.path,
  id: call.params['id'],
  project: call.principal.projectId,
  version: `${call.microversion.major}.${call.microversion.minor}`,
  tags: call.query.getAll('tag'),
  origin: call.origin,
  baseUrl: call.baseUrl,
});

const untilGone = async (call: Call): Promise<void> => {
  waiting.started += 1;
  if (!call.signal.aborted) await once(call.signal, 'abort');
  waiting.aborted += 1;
};

const routes: readonly Route<null>[] = [
  { method: 'GET', path: '/', auth: 'none', handler: async () => ({ hello: 'world' }) },
  {
    method: 'GET',
    path: '/maybe',
    auth: 'optional',
    handler: async (call) => ({ name: call.maybePrincipal?.userName ?? null }),
  },
  { method: 'GET', path: '/maybe-guarded', auth: 'optional', policy: 'reader', handler: show },
  { method: 'GET', path: '/things/:id', policy: 'reader', handler: show },
  {
    method: 'PUT',
    path: '/things/:id',
    policy: 'member',
    body: Type.Object({ name: Type.String({ maxLength: 5 }) }, strict),
    handler: async (call) => call.body,
  },
  { method: 'DELETE', path: '/things/:id', policy: 'member', success: 204, handler: async () => undefined },
  {
    method: 'POST',
    path: '/things',
    success: 201,
    body: [
      { schema: Type.Object({ name: Type.String() }, strict) },
      {
        since: '2.10',
        schema: Type.Object({ name: Type.String(), tags: Type.Array(Type.String()) }, strict),
      },
    ],
    handler: async (call) => ({ got: call.body }),
  },
  { method: 'POST', path: '/echo', handler: async (call) => call.body ?? null },
  { method: 'GET', path: '/versioned', until: '2.9', handler: async () => ({ form: 'old' }) },
  { method: 'GET', path: '/versioned', since: '2.10', until: '2.20', handler: async () => ({ form: 'new' }) },
  {
    method: 'POST',
    path: '/things/:id/action',
    actions: [
      { key: 'os-start', handler: async () => undefined },
      { key: 'look', handler: async () => ({ seen: true }), success: 200, policy: 'member' },
      {
        key: 'resize',
        handler: async (call) => call.body,
        body: Type.Object({ resize: Type.Object({ size: Type.Integer() }, strict) }, strict),
      },
      { key: 'old', handler: async () => undefined, until: '2.5' },
    ],
  },
  { method: 'GET', path: '/busy', handler: async () => Promise.reject(new NoSuchThing()) },
  {
    method: 'GET',
    path: '/bug',
    handler: async () =>
      Promise.reject(
        new Error('password=hunter2 in /etc/pileus/secret.key', { cause: new TypeError('deep') }),
      ),
  },
  {
    method: 'GET',
    path: '/bad-answer',
    handler: async () => new Reply(200, { size: 1n }, { 'content-type': 'application/x-thing', etag: 'x' }),
  },
  {
    method: 'GET',
    path: '/broken-stream',
    handler: async () =>
      new Reply(
        200,
        Readable.from(
          (async function* () {
            yield* [];
            throw new Error('no file /var/lib/pileus/store/17');
          })(),
        ),
      ),
  },
  { method: 'GET', path: '/wait', handler: untilGone },
  { method: 'POST', path: '/wait', handler: untilGone },
  {
    method: 'PUT',
    path: '/data',
    stream: true,
    handler: async (call) => ({ bytes: (await buffer(call.stream)).length }),
  },
  {
    method: 'GET',
    path: '/secrets',
    handler: async (call) => {
      call.log.info(
        { password: 'hunter2', headers: call.headers, auth: { identity: { password: 'hunter2' } } },
        'careless',
      );
    },
  },
];

const api: Api<null> = {
  name: 'things',
  prefix: '/things-service',
  routes,
  deps: null,
  enforcer: new Enforcer([
    { name: 'reader', check: 'role:reader', description: '' },
    { name: 'member', check: 'role:member', description: '' },
  ]),
  microversions: { serviceType: 'things', min: '2.1', max: '2.30', legacyHeader: 'X-Things-Version' },
  faults: { 'no-such-thing': 423 },
  renderFault: ({ status, message, requestId }) => ({
    body: { fault: { status, message, requestId } },
    headers: { 'x-fault': 'yes' },
  }),
  bodyLimit: 64 * 1024,
};

const CALLER_TABLE = {
  ...CALLERS,
  restricted: {
    ...principalOf('restricted', ['member', 'reader']),
    accessRules: [{ service: 'things', method: 'GET', path: '/things/*' }],
  },
};

const app = Fastify();
let port = 0;
before(async () => {
  await mountApi(app, { ...api, prefix: '/things' }, { authenticator: namedTokens(CALLER_TABLE), log });
  await app.listen({ host: '127.0.0.1', port: 0 });
  port = (app.server.address() as AddressInfo).port;
});
after(async () => app.close());

async function until(holds: () => boolean, what: string): Promise<void> {
  await untilTrue(async () => holds(), { deadlineMs: 30_000, everyMs: 5, what });
}

interface Sent {
  readonly token?: string | null;
  readonly body?: string | Buffer;
  readonly json?: unknown;
  readonly headers?: Record<string, string>;
}

async function send(method: string, path: string, { token = 'member', body, json, headers }: Sent = {}) {
  const payload = json === undefined ? body : JSON.stringify(json);
  const answer = await fetch(`http://127.0.0.1:${port}/things${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { 'x-auth-token': token }),
      ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(payload === undefined ? {} : { body: payload }),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await answer.text();
  const parsed: unknown =
    /json/.test(answer.headers.get('content-type') ?? '') && text !== '' ? JSON.parse(text) : undefined;
  return { status: answer.status, headers: answer.headers, text, body: parsed as Record<string, unknown> };
}

test('a handler sees path, query, caller and version; the answer names both ids and versions', async () => {
  const answer = await send('GET', '/things/a%2Fb?tag=x&tag=y', {
    headers: { 'openstack-api-version': 'things 2.7' },
  });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, {
    path: '/things/a%2Fb',
    id: 'a/b',
    project: CALLERS.member.projectId,
    version: '2.7',
    tags: ['x', 'y'],
    origin: `http://127.0.0.1:${port}`,
    baseUrl: `http://127.0.0.1:${port}/things`,
  });
  assert.match(answer.headers.get('x-openstack-request-id') ?? '', /^req-[0-9a-f-]{36}$/);
  assert.equal(answer.headers.get('openstack-api-version'), 'things 2.7');
  assert.equal(answer.headers.get('x-things-version'), '2.7');
  assert.equal(answer.headers.get('vary'), 'OpenStack-API-Version, X-Things-Version');
});

test('tokens: none or a wrong one is 401 with a hint, a right one without the role is 403', async () => {
  for (const token of [null, '', 'nobody', '__proto__']) {
    const answer = await send('GET', '/things/1', { token });
    assert.equal(answer.status, 401);
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Keystone uri=/);
  }
  assert.equal((await send('DELETE', '/things/1', { token: 'reader' })).status, 403);
  assert.equal((await send('GET', '/', { token: null })).status, 200);
  assert.deepEqual((await send('GET', '/maybe', { token: null })).body, { name: null });
  assert.deepEqual((await send('GET', '/maybe')).body, { name: 'member' });
  assert.equal((await send('GET', '/maybe', { token: 'nobody' })).status, 401);
});

test('a rule on a route that admits anonymous callers holds for them as well', async () => {
  assert.equal((await send('GET', '/maybe-guarded', { token: null })).status, 401);
  assert.equal((await send('GET', '/maybe-guarded')).status, 200);
});

test('an application credential with access rules may do only what they name', async () => {
  const token = 'restricted';
  assert.equal((await send('GET', '/things/1', { token })).status, 200);
  assert.equal((await send('DELETE', '/things/1', { token })).status, 401);
  assert.equal((await send('GET', '/versioned', { token })).status, 401);
  assert.equal((await send('GET', '/things/../versioned', { token })).status, 401);
  assert.equal((await send('GET', '/things/%2e%2e/versioned', { token })).status, 401);
});

test('unknown paths are 404 and unknown methods 405 with Allow, in the form of the service', async () => {
  const missing = await send('GET', '/nothing/here');
  assert.equal(missing.status, 404);
  assert.equal(missing.headers.get('x-fault'), 'yes');
  assert.match(missing.headers.get('x-openstack-request-id') ?? '', /^req-/);
  const refused = await send('PATCH', '/things/1', { json: {} });
  assert.equal(refused.status, 405);
  assert.deepEqual(refused.headers.get('allow')?.split(', ').toSorted(), ['DELETE', 'GET', 'HEAD', 'PUT']);
  assert.equal((refused.body['fault'] as { status: number }).status, 405);
});

test('HEAD answers as GET does, without the body, and the connection goes on', async () => {
  for (const _ of [1, 2]) {
    const answer = await send('HEAD', '/things/1');
    assert.equal(answer.status, 200);
    assert.equal(answer.text, '');
    assert.ok(Number(answer.headers.get('content-length')) > 0);
  }
  assert.equal((await send('HEAD', '/things/1', { token: null })).status, 401);
});

test('versions: the route, the body and the action are those of the version asked for', async () => {
  const at = (version: string) => ({ headers: { 'openstack-api-version': `things ${version}` } });
  assert.deepEqual((await send('GET', '/versioned')).body, { form: 'old' });
  assert.deepEqual((await send('GET', '/versioned', at('2.10'))).body, { form: 'new' });
  assert.equal((await send('GET', '/versioned', at('2.21'))).status, 404);
  assert.equal((await send('GET', '/versioned', at('2.31'))).status, 406);
  assert.equal((await send('GET', '/versioned', at('two'))).status, 400);
  const tagged = { name: 'a', tags: ['b'] };
  assert.equal((await send('POST', '/things', { json: tagged })).status, 400);
  assert.equal((await send('POST', '/things', { json: tagged, ...at('2.10') })).status, 201);
  assert.equal((await send('POST', '/things/1/action', { json: { old: null } })).status, 202);
  assert.equal((await send('POST', '/things/1/action', { json: { old: null }, ...at('2.6') })).status, 404);
});

test('actions: one known key, its own policy, schema and status', async () => {
  const act = async (json: unknown, token = 'member') => send('POST', '/things/1/action', { json, token });
  assert.equal((await act({ 'os-start': null })).status, 202);
  assert.equal((await act({ 'os-start': null })).text, '');
  assert.deepEqual((await act({ look: null })).body, { seen: true });
  assert.equal((await act({ look: null }, 'reader')).status, 403);
  assert.equal((await act({ resize: { size: 1 } })).status, 202);
  for (const bad of [
    { resize: { size: 'x' } },
    { resize: {}, look: {} },
    { toString: null },
    {},
    [],
    'os-start',
    null,
    7,
  ]) {
    assert.equal((await act(bad)).status, 400, JSON.stringify(bad));
  }
  assert.equal((await send('POST', '/things/1/action')).status, 400);
});

test('bodies: malformed, of another type, too deep, not UTF-8 or with NUL are refused as the client’s mistake', async () => {
  const post = async (body: string | Buffer, type = 'application/json') =>
    send('POST', '/echo', { body, headers: { 'content-type': type } });
  for (const body of [
    '{',
    '{"a":}',
    "{'a':1}",
    'NaN',
    '\ufeff{}',
    '"\\u0000"',
    '{"a\\u0000":1}',
    '"\\ud800"',
    '{"\\udfff":1}',
    '['.repeat(30_000),
  ])
    assert.equal((await post(body)).status, 400, body.slice(0, 20));
  assert.equal((await post(Buffer.from([0x22, 0xff, 0xfe, 0x22]))).status, 400);
  const deep = await post('['.repeat(30_000) + ']'.repeat(30_000));
  assert.ok(deep.status === 400 || deep.status === 200);
  assert.equal((await post('<a/>', 'application/xml')).status, 415);
  for (const type of ['nonsense', 'application/', ';'])
    assert.equal((await post('{}', type)).status, 415, type);
  assert.equal((await post('{"a":"ü"}', 'application/json; charset=utf-8')).status, 200);
  const named = await send('PUT', '/things/1', { json: { name: 'much too long' } });
  assert.equal(named.status, 400);
  assert.match(named.text, /field\/attribute name\b/);
  assert.equal((await send('PUT', '/things/1')).status, 400);
});

test('NUL in a path is an absent resource, in a query a mistake', async () => {
  assert.equal((await send('GET', '/things/a%00b')).status, 404);
  assert.equal((await send('GET', '/things/a?tag=%00')).status, 400);
});

test('`__proto__` in a body reaches no prototype, at any depth', async () => {
  const answer = await send('POST', '/echo', {
    body: '{"__proto__":{"admin":true},"a":{"__proto__":{"admin":true},"b":[{"__proto__":[1]}]},"constructor":{"prototype":{"admin":true}}}',
  });
  assert.deepEqual(answer.body, { a: { b: [{}] }, constructor: { prototype: { admin: true } } });
  assert.equal(({} as { admin?: boolean }).admin, undefined);
});

test('a body past the limit is 413 for declared and chunked lengths, and the sender gets to read it', async () => {
  const tooMuch = Buffer.alloc(4 * 1024 * 1024, 0x20);
  assert.equal((await send('POST', '/echo', { body: tooMuch })).status, 413);
  const chunked = httpRequest({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/things/echo',
    headers: { 'x-auth-token': 'member' },
  });
  Readable.from([tooMuch.subarray(0, 100_000), tooMuch.subarray(0, 100_000)]).pipe(chunked);
  const [answer] = (await once(chunked, 'response')) as [IncomingMessage];
  assert.equal(answer.statusCode, 413);
  answer.resume();
  assert.equal((await send('POST', '/echo', { json: { fits: 'x'.repeat(60_000) } })).status, 200);
});

test('a huge body to a caller without a token is not read into memory', async () => {
  const answer = await send('POST', '/echo', { token: null, json: { a: 'x'.repeat(1000) } });
  assert.equal(answer.status, 401);
});

test('a stream route takes a body of any size and type as it comes', async () => {
  const answer = await send('PUT', '/data', {
    body: Buffer.alloc(3_000_000),
    headers: { 'content-type': 'application/octet-stream' },
  });
  assert.deepEqual(answer.body, { bytes: 3_000_000 });
});

test('expected refusals carry their words and the status of the fault table', async () => {
  const answer = await send('GET', '/busy');
  assert.equal(answer.status, 423);
  assert.match(answer.text, /wait until it is not/);
});

test('unexpected errors are 500 that tell nothing, and the log tells all under the same request id', async () => {
  for (const path of ['/bug', '/bad-answer', '/broken-stream']) {
    lines.length = 0;
    const answer = await send('GET', path);
    assert.equal(answer.status, 500, path);
    assert.doesNotMatch(answer.text, /hunter2|secret|pileus\/|BigInt|Error:|\bat /);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
    const id = answer.headers.get('x-openstack-request-id') ?? '';
    assert.equal((answer.body['fault'] as { requestId: string }).requestId, id);
    const line = lines.find((each) => each.includes('request failed'));
    assert.ok(line?.includes(id), `${path}: ${lines.join('')}`);
  }
});

test('malformed addresses are refused without internals', async () => {
  for (const path of ['/things/%', '/things/%zz', `/things/${'x'.repeat(5000)}`]) {
    const answer = await send('GET', path);
    assert.ok([400, 404, 414].includes(answer.status), `${path.slice(0, 20)} ${answer.status}`);
    assert.doesNotMatch(answer.text, /node_modules|\bat /);
  }
});

test('a request id that the caller forwards is taken only when it is one', async () => {
  const own = `req-${crypto.randomUUID()}`;
  for (const id of [own, 'req-1', 'x'.repeat(3000)]) {
    const answer = await send('GET', '/things/1', { headers: { 'x-openstack-request-id': id } });
    assert.equal(answer.status, 200);
    assert.notEqual(answer.headers.get('x-openstack-request-id'), id);
  }
});

test('`call.signal` aborts when the client goes, before or after its body was read', async () => {
  for (const method of ['GET', 'POST']) {
    const was = { ...waiting };
    const client = connect(port, '127.0.0.1');
    client.write(
      `${method} /things/wait HTTP/1.1\r\nhost: x\r\nx-auth-token: member\r\ncontent-length: 2\r\n\r\n{}`,
    );
    await until(() => waiting.started === was.started + 1, 'the handler to start');
    assert.equal(waiting.aborted, was.aborted);
    client.destroy();
    await until(() => waiting.aborted === was.aborted + 1, 'the handler to learn of it');
  }
});

test('without a socket `call.signal` stays quiet while a handler works', async () => {
  const was = { ...waiting };
  const answer = app.inject({
    method: 'POST',
    url: '/things/wait',
    headers: { 'x-auth-token': 'member' },
    payload: '{}',
  });
  let answered = false;
  void answer.then(() => (answered = true));
  await until(() => waiting.started === was.started + 1, 'the handler to start');
  await send('GET', '/');
  assert.equal(waiting.aborted, was.aborted);
  assert.equal(answered, false);
});

test('a client that goes within its body is no bug of ours', async () => {
  lines.length = 0;
  const client = connect(port, '127.0.0.1');
  client.write(
    'POST /things/echo HTTP/1.1\r\nhost: x\r\nx-auth-token: member\r\ncontent-length: 2000\r\n\r\n{"a":',
  );
  await once(client, 'connect');
  client.end();
  await until(() => lines.some((line) => line.includes('body-not-whole')), 'the refusal in the log');
  assert.ok(!lines.some((line) => line.includes('request failed')));
});

test('no secret reaches the log, whatever the request holds', async () => {
  lines.length = 0;
  const body = JSON.stringify({ auth: { password: 'hunter2' }, name: 1 });
  await send('POST', '/things', { body, token: 'member' });
  await send('GET', '/secrets', {
    headers: { authorization: 'Basic hunter2', 'x-service-token': 'hunter2' },
  });
  await send('GET', '/things/1', { token: 'hunter2' });
  assert.ok(lines.length >= 3);
  assert.doesNotMatch(lines.join(''), /hunter2/);
  assert.doesNotMatch(lines.join(''), new RegExp(OTHER_PROJECT));
});
