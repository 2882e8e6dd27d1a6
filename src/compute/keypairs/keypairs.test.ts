// Key pairs through the API: generated, imported, listed, and nobody else's.
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { startComputeHarness } from '#test/support/compute-harness.ts';

const ED25519 = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUCd0yV4dGl6WIb0DqJ2fBzCsDBbVvWzXf1rJ0x3b2P me@host';

test('generates a pair whose halves belong together and keeps no private key', async () => {
  await using cloud = await startComputeHarness();
  const made = await cloud.call('POST', '/v2.1/os-keypairs', { body: { keypair: { name: 'k' } } });
  assert.equal(made.status, 200);
  const { private_key, public_key, fingerprint, user_id } = made.body.keypair;
  const own = createPublicKey(createPrivateKey(private_key)).export({ format: 'jwk' });
  assert.ok(Buffer.from(public_key.split(' ')[1], 'base64').includes(Buffer.from(own.n ?? '', 'base64url')));
  assert.match(fingerprint, /^([0-9a-f]{2}:){15}[0-9a-f]{2}$/);
  assert.equal(user_id, 'user-member');
  const row = await cloud.kysely.selectFrom('keypairs').selectAll().executeTakeFirstOrThrow();
  assert.ok(!JSON.stringify(row).includes('PRIVATE'));
});

test('imports a key with its MD5 fingerprint, and refuses what is none', async () => {
  await using cloud = await startComputeHarness();
  const body = (public_key: string, name = 'k') => ({ keypair: { name, public_key } });
  const made = await cloud.at('2.2', 'POST', '/v2.1/os-keypairs', { body: body(ED25519) });
  assert.equal(made.status, 201);
  assert.equal(made.body.keypair.type, 'ssh');
  assert.ok(!('private_key' in made.body.keypair));
  assert.equal((await cloud.call('POST', '/v2.1/os-keypairs', { body: body(ED25519) })).status, 409);
  for (const bad of [
    'nonsense',
    'ssh-rsa AAAA',
    'ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIHUC',
    `${ED25519}\n${ED25519}`,
  ]) {
    const answer = await cloud.call('POST', '/v2.1/os-keypairs', { body: body(bad, 'x') });
    assert.equal(answer.status, 400, bad);
    assert.match(answer.body.badRequest.message, /Keypair data is invalid/);
  }
  for (const name of ['', 'a/b', '../x', 'x'.repeat(256), 'me@host']) {
    assert.equal(
      (await cloud.call('POST', '/v2.1/os-keypairs', { body: body(ED25519, name) })).status,
      400,
      name,
    );
  }
  assert.equal(
    (await cloud.at('2.92', 'POST', '/v2.1/os-keypairs', { body: body(ED25519, 'me@host') })).status,
    201,
  );
  assert.equal(
    (await cloud.at('2.92', 'POST', '/v2.1/os-keypairs', { body: { keypair: { name: 'gen' } } })).status,
    400,
  );
});

test('lists, pages, shows and deletes only the own keys; administrators name a user from 2.10', async () => {
  await using cloud = await startComputeHarness();
  for (const name of ['b', 'a', 'c'])
    await cloud.call('POST', '/v2.1/os-keypairs', { body: { keypair: { name, public_key: ED25519 } } });
  const namesIn = (answer: { body: { keypairs: Array<{ keypair: { name: string } }> } }): string[] =>
    answer.body.keypairs.map(({ keypair }) => keypair.name);
  assert.deepEqual(namesIn(await cloud.call('GET', '/v2.1/os-keypairs')), ['a', 'b', 'c']);
  const page = await cloud.at('2.35', 'GET', '/v2.1/os-keypairs?limit=1&marker=a');
  assert.deepEqual(namesIn(page), ['b']);
  assert.ok(page.body.keypairs_links[0].href.includes('marker=b'));
  const shown = await cloud.at('2.2', 'GET', '/v2.1/os-keypairs/a');
  assert.deepEqual([shown.body.keypair.deleted, shown.body.keypair.type], [false, 'ssh']);
  assert.equal((await cloud.call('GET', '/v2.1/os-keypairs/a', { token: 'stranger' })).status, 404);
  assert.equal((await cloud.call('DELETE', '/v2.1/os-keypairs/a', { token: 'stranger' })).status, 404);
  assert.equal(
    (await cloud.at('2.10', 'GET', '/v2.1/os-keypairs?user_id=user-member', { token: 'stranger' })).status,
    403,
  );
  assert.deepEqual(
    namesIn(await cloud.at('2.10', 'GET', '/v2.1/os-keypairs?user_id=user-member', { token: 'admin' })),
    ['a', 'b', 'c'],
  );
  assert.equal((await cloud.call('DELETE', '/v2.1/os-keypairs/a')).status, 202);
  assert.equal((await cloud.at('2.2', 'DELETE', '/v2.1/os-keypairs/b')).status, 204);
  assert.equal((await cloud.call('GET', '/v2.1/os-keypairs/a')).status, 404);
});

test('the quota of key pairs holds', async () => {
  await using cloud = await startComputeHarness();
  await cloud.kysely
    .insertInto('quota_limits')
    .values({ scope: 'class:default', resource: 'key_pairs', hard_limit: 1 })
    .execute();
  const create = async (name: string) =>
    cloud.call('POST', '/v2.1/os-keypairs', { body: { keypair: { name, public_key: ED25519 } } });
  assert.equal((await create('a')).status, 200);
  assert.equal((await create('b')).status, 403);
});

test('makes a certificate for its user, with its key', async () => {
  await using cloud = await startComputeHarness();
  const body = { keypair: { name: 'win', type: 'x509' } };
  const made = await cloud.at('2.2', 'POST', '/v2.1/os-keypairs', { body });
  assert.equal(made.status, 201);
  const { public_key, private_key, fingerprint, type } = made.body.keypair;
  assert.equal(type, 'x509');
  const certificate = new X509Certificate(public_key);
  assert.ok(certificate.checkPrivateKey(createPrivateKey(private_key)));
  assert.ok(certificate.verify(certificate.publicKey), 'signed by itself');
  assert.equal(certificate.subject, 'CN=user-member');
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2'], 'for logging in');
  assert.equal(fingerprint, certificate.fingerprint.toLowerCase());
  const shown = await cloud.at('2.2', 'GET', '/v2.1/os-keypairs/win');
  assert.equal(shown.body.keypair.public_key, public_key);
});
