// Spoofed addresses, endless patterns, numbers past every limit, many at once, and consoles of others.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { ask, assertRefused } from './asking.ts';
import { LATEST } from './belongings.ts';
import type { Outcome } from './client.ts';
import { setStage, type Stage } from './stage.ts';

const C = '/compute/v2.1';
const N = '/network/v2.0';

let stage: Stage;
let alice: string;
let admin: string;
before(async () => {
  stage = await setStage();
  alice = stage.callers.alice.token;
  admin = stage.callers.admin;
});
after(async () => stage?.[Symbol.asyncDispose]());

const send = async (
  method: string,
  path: string,
  body?: unknown,
  token?: string,
  headers?: Readonly<Record<string, string>>,
): Promise<Outcome> => ask(stage, method, path, body, token, headers);
const refused = (outcome: Outcome, ...statuses: readonly number[]): void =>
  assertRefused(stage, outcome, statuses);

describe('links and headers', () => {
  test('only a plain Host comes into links; forwarded ones do not', async () => {
    for (const host of ['evil"><script>', 'evil.com/path', 'a b', "evil'", 'user@evil.com', 'evil.com?x'])
      for (const path of [`${C}/servers`, '/identity/v3', '/compute/v2.1', '/network/', '/image/']) {
        const { text } = await send('GET', path, undefined, alice, { host });
        assert.ok(!text.includes('evil'), `${path}: ${text.slice(0, 300)}`);
      }
    const forwarded = {
      'x-forwarded-host': 'evil.com',
      'x-forwarded-proto': 'gopher',
      forwarded: 'host=evil.com',
    };
    for (const path of [`${C}/servers`, '/identity/v3', `${N}/networks?limit=1`])
      assert.ok(!(await send('GET', path, undefined, alice, forwarded)).text.includes('evil.com'), path);
  });

  test('nothing that is sent comes back as a header', async () => {
    const { headers } = await send('GET', `${C}/servers/a%0d%0aset-cookie:%20a=b`, undefined, alice, {
      'x-openstack-request-id': 'req-evil',
      traceparent: 'evil',
    });
    assert.equal(headers['set-cookie'], undefined);
    assert.ok(!JSON.stringify(headers).includes('evil'));
  });
});

describe('much and many', () => {
  test('a regular expression in a filter does not hold the process', async () => {
    const name = `${'a'.repeat(60)}!`;
    await stage.client.ok({
      method: 'PUT',
      path: `${C}/servers/${stage.ids['server']}`,
      token: alice,
      body: { server: { name } },
    });
    for (const pattern of [
      '(a+)+$',
      '(a|aa)+$',
      '(.*a){30}$',
      '^(([a-z])+.)+[A-Z]([a-z])+$',
      '(a*)*b',
      `${'a?'.repeat(100)}${'a'.repeat(100)}`,
    ]) {
      const started = performance.now();
      for (const filter of ['name', 'ip', 'ip6']) {
        const { status, text } = await send(
          'GET',
          `${C}/servers/detail?${filter}=${encodeURIComponent(pattern)}`,
        );
        assert.ok(status < 500, text);
      }
      assert.ok(performance.now() - started < 2000, pattern);
    }
  });

  test('tags, rules and addresses end at their limits', async () => {
    const many = (count: number, of: (index: number) => unknown): unknown[] =>
      Array.from({ length: count }, (_, i) => of(i));
    refused(
      await send('PUT', `${C}/servers/${stage.ids['server']}/tags`, { tags: many(5000, (i) => `t${i}`) }),
      400,
    );
    const rules = many(1000, (i) => ({
      security_group_id: stage.ids['security_group'],
      direction: 'egress',
      protocol: 'tcp',
      port_range_min: i + 1,
      port_range_max: i + 1,
    }));
    const before = stage.state.rows('network');
    refused(await send('POST', `${N}/security-group-rules`, { security_group_rules: rules }), 409);
    refused(
      await send('POST', `${N}/ports`, { ports: many(1000, () => ({ network_id: stage.ids['network'] })) }),
      409,
    );
    refused(await send('POST', `${N}/networks`, { networks: many(1000, (i) => ({ name: `n${i}` })) }), 409);
    assert.deepEqual(stage.state.changesSince(before, 'network'), []);
  });

  for (const [what, quota, path, body] of [
    [
      'servers',
      { path: `${C}/os-quota-sets/`, body: { quota_set: { instances: 3 } } },
      `${C}/servers`,
      'server',
    ],
    ['ports', { path: `${N}/quotas/`, body: { quota: { port: 3 } } }, `${N}/ports`, 'port'],
    [
      'security groups',
      { path: `${N}/quotas/`, body: { quota: { security_group: 3 } } },
      `${N}/security-groups`,
      'group',
    ],
  ] as const)
    test(`twenty ${what} at once get no further than the quota of three`, async () => {
      const { bob, projectB } = stage.callers;
      await stage.client.ok({
        method: 'PUT',
        path: quota.path + projectB,
        token: admin,
        headers: LATEST,
        body: quota.body,
      });
      const network = await bobsNetwork();
      const images = await send('GET', '/image/v2/images?name=pileus-demo', undefined, bob.token);
      const imageRef = (images.json as { images: Array<{ id: string }> }).images[0]?.id;
      const bodies = {
        server: { server: { name: 'race', imageRef, flavorRef: '42', networks: 'none' } },
        port: { port: { network_id: network } },
        group: { security_group: { name: 'race' } },
      };
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, async () => send('POST', path, bodies[body], bob.token)),
      );
      const made = outcomes.filter(({ status }) => status < 300).length;
      const wrong = outcomes.filter(
        ({ status }) => status >= 300 && status !== 403 && status !== 409 && status !== 413,
      );
      assert.deepEqual(
        wrong.map(({ status, text }) => `${status} ${text}`),
        [],
      );
      const listed = await send('GET', path, undefined, bob.token);
      const [all] = Object.values(listed.json as Record<string, unknown[]>);
      assert.equal(all?.length, 3);
      assert.ok(made >= 2 && made <= 3, String(made)); // one security group is there from the start
    });

  let network: string | undefined;
  async function bobsNetwork(): Promise<string> {
    if (network !== undefined) return network;
    const { bob } = stage.callers;
    const made = await stage.client.ok({
      method: 'POST',
      path: `${N}/networks`,
      token: bob.token,
      body: { network: { name: 'b' } },
    });
    return (network = String(made['network']?.['id']));
  }
});

describe('consoles', () => {
  const closing = async (path: string, headers: Record<string, string> = {}): Promise<number> => {
    const socket = new WebSocket(stage.client.origin.replace('http', 'ws') + path, { headers });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${path} stays open`)), 10_000);
      socket.on('error', () => undefined);
      socket.once('close', (code) => {
        clearTimeout(timer);
        resolve(code);
      });
    });
  };

  test('open for their own token, kind and origin alone', async () => {
    const asked = { remote_console: { protocol: 'serial', type: 'serial' } };
    const { json, text } = await send('POST', `${C}/servers/${stage.ids['server']}/remote-consoles`, asked);
    const url = new URL(
      (json as { remote_console: { url: string } } | undefined)?.remote_console.url ?? text,
    );
    const token = url.searchParams.get('token') ?? '';
    assert.equal(await closing(`/console/vnc?token=${token}`), 1006, 'without a word');
    assert.equal(await closing(`/console/serial?token=${token}x`), 4401);
    assert.equal(await closing('/console/serial'), 4401);
    assert.equal(await closing(`/console/serial?token=${stage.ids['server']}`), 4401);
    assert.equal(await closing(`/console/serial?token=${token}`, { origin: 'http://evil.com' }), 4403);
    assert.equal(await closing(`/console/serial?token=${token}`, { origin: 'null' }), 4403);
  });

  test('the files of their pages are theirs alone', async () => {
    for (const path of [
      '..%2f..%2f..%2fpackage.json',
      '../../../package.json',
      '%2e%2e/%2e%2e/package.json',
      'core/rfb.js%00',
      '.',
      'core',
      'package.json',
    ])
      for (const name of ['novnc', '..', 'constructor']) {
        const { status, text } = await stage.client.send({
          method: 'GET',
          path: `/console/assets/${name}/${path}`,
        });
        assert.ok([400, 404].includes(status), `${name} ${path}: ${status} ${text.slice(0, 100)}`);
      }
  });
});
