import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onProject, startIdentity, type Identity } from '../testing/identity-harness.ts';
import { inProcessTransport, type Transport } from '#platform/clients/transport.ts';
import { createServiceTokenSource, createTokenValidator } from '#platform/auth/token-validator.ts';

function counted(identity: Identity): { transport: Transport; asked: () => number } {
  const inner = inProcessTransport(identity.app, '/identity');
  let count = 0;
  return {
    asked: () => count,
    transport: {
      send: async (request) => {
        if (request.method === 'GET') count += 1;
        return inner.send(request);
      },
    },
  };
}

async function startValidator(identity: Identity) {
  const { transport, asked } = counted(identity);
  const { bus, clock } = identity;
  const login = { username: 'nova', password: identity.passwords['nova'] ?? '' };
  const source = await createServiceTokenSource({ identity: transport, bus, clock, login });
  const validator = await createTokenValidator({
    identity: transport,
    bus,
    clock,
    serviceToken: source.token,
    forgetServiceToken: source.forget,
  });
  return { validator, source, asked };
}

test('asks once for a token, and again once it was revoked', async () => {
  await using identity = await startIdentity();
  const { validator, asked } = await startValidator(identity);
  const token = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  const principals = await Promise.all([1, 2, 3].map(async () => validator.authenticate(token)));
  assert.deepEqual(principals[0]?.roles.toSorted(), ['member', 'reader']);
  await validator.authenticate(token);
  assert.equal(asked(), 1);
  await identity.call('DELETE', '/v3/auth/tokens', { token, headers: { 'x-subject-token': token } });
  await assert.rejects(validator.authenticate(token), { kind: 'unauthorized' });
});

test('an expired token passes only together with a service token', async () => {
  await using identity = await startIdentity();
  const { validator, source } = await startValidator(identity);
  const token = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  identity.advance(3_700_000);
  await assert.rejects(validator.authenticate(token), { kind: 'unauthorized' });
  assert.equal((await validator.authenticate(token, await source.token())).userName, 'demo');
  const user = await identity.logIn('demo', identity.passwords['demo'] ?? '', onProject('demo'));
  await assert.rejects(validator.authenticate(token, user), { kind: 'unauthorized' });
});

test('renews its own token before it expires and after it was revoked', async () => {
  await using identity = await startIdentity();
  const { source } = await startValidator(identity);
  const first = await source.token();
  assert.equal(await source.token(), first);
  identity.advance(3_400_000);
  const second = await source.token();
  assert.notEqual(second, first);
  await identity.call('DELETE', '/v3/auth/tokens', { token: second, headers: { 'x-subject-token': second } });
  assert.notEqual(await source.token(), second);
});

test('refuses nonsense without breaking', async () => {
  await using identity = await startIdentity();
  const { validator } = await startValidator(identity);
  for (const token of ['x', 'a\u0000b', 'ä', 'x'.repeat(10_000)]) {
    await assert.rejects(validator.authenticate(token), { kind: 'unauthorized' });
  }
});
