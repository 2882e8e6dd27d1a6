// A conversation full of secrets, and then a look everywhere that operators and neighbours look: logs, launch records,
// rows, files and their modes. A secret is where it must be and nowhere else.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { until } from '#test/support/until.ts';
import { openKeyring } from '#volume/keys/keyring.ts';
import { startCloud, type TestCloud } from '#test/support/cloud.ts';
import { LATEST, untilStatus } from './belongings.ts';
import { logIn, makeCallers, type Callers } from './callers.ts';
import { HostileClient } from './client.ts';
import { State } from './stage.ts';

const C = '/compute/v2.1';
const K = '/identity/v3';

/** What each is, and the columns in which it belongs. */
const SECRETS = {
  password: { text: 'marker-password-8d1f', in: [] },
  'wrong password': { text: 'marker-wrong-2b7c', in: [] },
  'new password': { text: 'marker-changed-9e3a', in: [] },
  'credential’s secret': { text: 'marker-app-secret-77aa', in: [] },
  'blob of a credential': { text: 'marker-blob-51cd', in: [] },
  'administrator’s password of a server': { text: 'marker-adminpass-c0de', in: [] },
  'user data': {
    text: Buffer.from('#!/bin/sh\necho marker-user-data-f00d').toString('base64'),
    in: ['compute.instances'],
  },
  'changed password of a server': { text: 'marker-newpass-1a2b', in: [] },
} as const;

const tokens: string[] = [];
/** What opens volumes: the service makes it, so that it is learned by its own means. */
const passphrases: string[] = [];
let dataPath: string;
let cloud: TestCloud;
let client: HostileClient;
let callers: Callers;
let server: string;
let answers = '';

before(async () => {
  dataPath = await mkdtemp(join(tmpdir(), 'pileus-'));
  cloud = await startCloud({ simulated: true, dataPath });
  client = new HostileClient((await cloud.access()).origin);
  callers = await makeCallers(cloud, client);
  await converse();
});
after(async () => {
  client?.[Symbol.dispose]();
  await cloud?.[Symbol.asyncDispose]();
  await rm(dataPath, { recursive: true, force: true });
});

async function converse(): Promise<void> {
  const { admin, alice, projectA } = callers;
  const made = await client.ok({
    method: 'POST',
    path: `${K}/users`,
    token: admin,
    body: { user: { name: 'sam', password: SECRETS.password.text, default_project_id: projectA } },
  });
  const sam = { id: String(made['user']?.['id']), password: SECRETS.password.text as string };
  tokens.push(admin, alice.token, await logIn(client, sam, 'unscoped'));
  const wrong = SECRETS['wrong password'].text;
  await assert.rejects(logIn(client, { ...sam, password: wrong }));
  await assert.rejects(logIn(client, { name: wrong, password: wrong }));
  await client.send({
    method: 'POST',
    path: `${K}/users/${sam.id}/password`,
    body: { user: { original_password: wrong, password: SECRETS['new password'].text } },
  });
  await client.ok({
    method: 'POST',
    path: `${K}/users/${sam.id}/password`,
    body: { user: { original_password: sam.password, password: SECRETS['new password'].text } },
  });
  await client.ok({
    method: 'POST',
    path: `${K}/users/${alice.userId}/application_credentials`,
    token: alice.token,
    body: { application_credential: { name: 'app', secret: SECRETS['credential’s secret'].text } },
  });
  await client.ok({
    method: 'POST',
    path: `${K}/credentials`,
    token: alice.token,
    body: {
      credential: {
        type: 'cert',
        blob: SECRETS['blob of a credential'].text,
        user_id: alice.userId,
        project_id: projectA,
      },
    },
  });
  await client.send({ method: 'GET', path: `${C}/servers?x=${alice.token}`, token: `${alice.token}x` });
  await client.send({
    method: 'POST',
    path: `${C}/servers`,
    token: alice.token,
    body: `{"adminPass": "${wrong}"`,
  });
  await client.send({
    method: 'POST',
    path: `${K}/auth/tokens`,
    body: { auth: { identity: { methods: ['password'], password: { user: { password: [wrong] } } } } },
  });
  await launch();
  await encrypt();
}

/** A server on an encrypted volume that is backed up, too. */
async function encrypt(): Promise<void> {
  const { admin, alice } = callers;
  const V = '/volume/v3';
  const post = async (path: string, body: object, token = alice.token) =>
    client.ok({ method: 'POST', path, token, body });
  const type = await post(`${V}/types`, { volume_type: { name: 'encrypted' } }, admin);
  const encryption = { provider: 'luks' };
  await post(`${V}/types/${String(type['volume_type']?.['id'])}/encryption`, { encryption }, admin);
  const made = await post(`${V}/volumes`, { volume: { size: 1, volume_type: 'encrypted' } });
  const volumeId = String(made['volume']?.['id']);
  const show = async () => client.ok({ method: 'GET', path: `${V}/volumes/${volumeId}`, token: alice.token });
  const untilIs = async (status: string) =>
    until(async () => (await show())['volume']?.['status'] === status, {
      deadlineMs: 60_000,
      what: `the volume to be ${status}`,
    });
  await untilIs('available');
  await post(`${V}/backups`, { backup: { volume_id: volumeId } });
  await untilIs('available');
  const volumeAttachment = { volumeId };
  await post(`${C}/servers/${server}/os-volume_attachments`, { volumeAttachment });
  await untilIs('in-use');
  answers += JSON.stringify(await show());
  for (const path of [`${V}/attachments/detail`, `${V}/volumes/${volumeId}/launch-record`])
    answers += (await client.send({ method: 'GET', path, token: admin, headers: LATEST })).text;
  using database = new DatabaseSync(join(dataPath, 'services', 'volume.db'), { readOnly: true });
  const keyring = await openKeyring({ dataDir: join(dataPath, 'services', 'volume') });
  const keys = database.prepare('SELECT id, wrapped FROM encryption_keys').all();
  for (const { id, wrapped } of keys as Array<{ id: string; wrapped: string }>)
    passphrases.push(keyring.unwrap(id, wrapped).toString('latin1'));
}

async function launch(): Promise<void> {
  const { token } = callers.alice;
  const network = await client.ok({
    method: 'POST',
    path: '/network/v2.0/networks',
    token,
    body: { network: { name: 's' } },
  });
  const network_id = network['network']?.['id'];
  await client.ok({
    method: 'POST',
    path: '/network/v2.0/subnets',
    token,
    body: { subnet: { network_id, ip_version: 4, cidr: '10.9.0.0/24' } },
  });
  const images = await client.ok({ method: 'GET', path: '/image/v2/images?name=pileus-demo', token });
  const made = await client.ok({
    method: 'POST',
    path: `${C}/servers`,
    token,
    headers: LATEST,
    body: {
      server: {
        name: 'keeper',
        imageRef: (images['images'] as unknown as Array<{ id: string }>)[0]?.id,
        flavorRef: '42',
        networks: [{ uuid: network_id }],
        adminPass: SECRETS['administrator’s password of a server'].text,
        user_data: SECRETS['user data'].text,
        config_drive: true,
      },
    },
  });
  server = String(made['server']?.['id']);
  await untilStatus(client, token, server, 'ACTIVE');
  await client.send({
    method: 'POST',
    path: `${C}/servers/${server}/action`,
    token,
    body: { changePassword: { adminPass: SECRETS['changed password of a server'].text } },
  });
  for (const path of ['launch-trace', 'os-instance-actions', 'metadata', 'os-interface', 'diagnostics'])
    answers += (await client.send({ method: 'GET', path: `${C}/servers/${server}/${path}`, token })).text;
  const actions = await client.ok({
    method: 'GET',
    path: `${C}/servers/${server}/os-instance-actions`,
    token,
  });
  for (const { request_id } of actions['instanceActions'] as unknown as Array<{ request_id: string }>)
    answers += (
      await client.send({
        method: 'GET',
        path: `${C}/servers/${server}/os-instance-actions/${request_id}`,
        token: callers.admin,
      })
    ).text;
  answers += (
    await client.send({ method: 'GET', path: `${C}/servers/${server}/launch-trace`, token: callers.admin })
  ).text;
}

function secretsIn(text: string): string[] {
  const named = Object.entries(SECRETS).map(([what, { text: secret }]) => [what, secret] as const);
  const plain = ['user data in plain', 'marker-user-data-f00d'] as const;
  const numbered = (what: string, all: readonly string[]) =>
    all.map((secret, index) => [`${what} ${index}`, secret] as const);
  return [...named, plain, ...numbered('token', tokens), ...numbered('passphrase', passphrases)]
    .filter(([, secret]) => text.includes(secret))
    .map(([what]) => what);
}

async function files(): Promise<string[]> {
  const all = await readdir(dataPath, { recursive: true, withFileTypes: true });
  return all.map((each) => join(each.parentPath, each.name));
}

test('launch records, actions and diagnostics hold none', () => {
  assert.ok(answers.includes('compute'), answers);
  assert.equal(passphrases.length, 2, 'of the volume and of its backup');
  assert.deepEqual(secretsIn(answers), []);
});

test('rows hold none but where it belongs', () => {
  using state = new State(join(dataPath, 'services'));
  const found: string[] = [];
  for (const [table, rows] of state.rows())
    for (const row of rows)
      for (const what of secretsIn(row)) {
        const belongs: readonly string[] = what in SECRETS ? SECRETS[what as keyof typeof SECRETS].in : [];
        if (!belongs.includes(table)) found.push(`${what} in ${table}: ${row.slice(0, 300)}`);
      }
  assert.deepEqual(found, []);
});

test('logs and all other files that are no database hold none, but for the guest’s own config drive', async () => {
  const found: string[] = [];
  let logs = 0;
  for (const file of await files()) {
    if (
      !(await stat(file)).isFile() ||
      /\.db(-wal|-shm)?$/.test(file) ||
      /config/i.test(relative(dataPath, file))
    )
      continue;
    if (file.endsWith('.log')) logs += 1;
    const held = secretsIn((await readFile(file)).toString('latin1'));
    if (held.length > 0) found.push(`${relative(dataPath, file)}: ${held.join(', ')}`);
  }
  assert.ok(logs > 0);
  assert.deepEqual(found, []);
});

test('nobody but the owner may read any file or enter any directory', async () => {
  const open: string[] = [];
  for (const file of [dataPath, ...(await files())]) {
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0) open.push(`${relative(dataPath, file)} ${(mode & 0o777).toString(8)}`);
  }
  assert.deepEqual(open, []);
});

test('no process’s arguments or environment hold one', async () => {
  for (const part of ['cmdline', 'environ'])
    assert.deepEqual(secretsIn(await readFile(`/proc/self/${part}`, 'latin1')), []);
});
