// Content that lies or tries to be something else: images, names, keys, properties, addresses.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { XMLParser } from 'fast-xml-parser';
import { domainXml } from '#drivers/libvirt/domain-xml.ts';
import { until } from '#test/support/until.ts';
import { bootServer, untilStatus } from './belongings.ts';
import type { Outcome } from './client.ts';
import { ask, assertRefused } from './asking.ts';
import { indiscretion, setStage, type Stage } from './stage.ts';

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

/** A qcow2 header of version 3 and nothing behind it. */
function qcow2({ backing = 0n, size = 1n << 20n, incompatible = 0n, file = '' }): Buffer {
  const bytes = Buffer.alloc(64 * 1024);
  bytes.write('QFI\u00fb', 'latin1');
  bytes.writeUInt32BE(3, 4);
  bytes.writeBigUInt64BE(backing, 8);
  bytes.writeUInt32BE(file.length, 16);
  bytes.writeUInt32BE(16, 20);
  bytes.writeBigUInt64BE(size, 24);
  bytes.writeUInt32BE(1, 36);
  bytes.writeBigUInt64BE(incompatible, 72);
  bytes.writeUInt32BE(4, 96);
  bytes.writeUInt32BE(104, 100);
  bytes.write(file, Number(backing));
  return bytes;
}

async function makeImage(
  attributes: object,
  data?: Buffer | string,
): Promise<{ id: string; upload: Outcome }> {
  const body = { name: 'liar', container_format: 'bare', ...attributes };
  const made = await stage.client.ok({ method: 'POST', path: '/image/v2/images', token: alice, body });
  const id = String(made['id']);
  const type = { 'content-type': 'application/octet-stream' };
  return {
    id,
    upload: await send('PUT', `/image/v2/images/${id}/file`, data ?? Buffer.alloc(4096, 1), alice, type),
  };
}

const serverOf = (more: object): object => ({
  server: { name: 'x', flavorRef: '42', networks: [{ uuid: stage.ids['network'] }], ...more },
});

describe('images that lie', () => {
  const descriptor =
    '# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 2048 FLAT "/etc/shadow" 0\n';
  for (const [what, disk_format, data] of [
    ['qcow2 with a backing file', 'qcow2', qcow2({ backing: 512n, file: '/etc/shadow' })],
    ['qcow2 with its data elsewhere', 'qcow2', qcow2({ incompatible: 4n })],
    ['qcow2 with features of the future', 'qcow2', qcow2({ incompatible: 1n << 40n })],
    ['qcow2 of more than any disk', 'qcow2', qcow2({ size: (1n << 63n) - 1n })],
    ['qcow2 said to be raw', 'raw', qcow2({ backing: 512n, file: '/etc/shadow' })],
    ['a VMDK descriptor', 'vmdk', descriptor],
    ['a VMDK descriptor said to be raw', 'raw', descriptor],
    ['text said to be qcow2', 'qcow2', 'hello'],
  ] as const)
    test(`${what}: refused at its upload, and no server comes of it`, async () => {
      const { id, upload } = await makeImage({ disk_format }, data);
      refused(upload, 400, 415);
      const shown = await send('GET', `/image/v2/images/${id}`);
      assert.equal((shown.json as { status: string }).status, 'queued');
      refused(await send('POST', `${C}/servers`, serverOf({ imageRef: id })), 400);
    });

  test('of a larger disk than the flavor has: no server, and nothing is left', async () => {
    const { id, upload } = await makeImage({ disk_format: 'qcow2' }, qcow2({ size: 1n << 50n }));
    if (upload.status === 204) {
      const made = await send('POST', `${C}/servers`, serverOf({ imageRef: id }));
      if (made.status === 202) {
        const server = (made.json as { server: { id: string } }).server.id;
        await assert.rejects(untilStatus(stage.client, alice, server, 'ACTIVE'), /disk|large|fit/i);
        await send('DELETE', `${C}/servers/${server}`);
      } else refused(made, 400);
    } else refused(upload, 400, 413);
  });

  test('where the data is cannot be said by tenants', async () => {
    const { id } = await makeImage({ disk_format: 'raw' });
    const url = 'file:///etc/shadow';
    for (const body of [
      { locations: [{ url, metadata: {} }] },
      { direct_url: url },
      { file: '/etc/passwd' },
      { id: '../x' },
      { owner: stage.callers.projectB },
      { status: 'active' },
      { checksum: 'x' },
      { os_glance_import_task: 'x' },
    ])
      refused(await send('POST', '/image/v2/images', { name: 'x', ...body }), 400, 403, 409);
    const type = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
    for (const path of [
      '/locations',
      '/direct_url',
      '/owner',
      '/status',
      '/size',
      '/id',
      '/self',
      '/locations/-',
    ])
      for (const op of ['add', 'replace']) {
        const value = path.startsWith('/locations')
          ? [{ url: 'http://169.254.169.254/', metadata: {} }]
          : url;
        const patch = JSON.stringify([{ op, path, value }]);
        refused(await send('PATCH', `/image/v2/images/${id}`, patch, alice, type), 400, 403, 409);
      }
    const copied = { ...type, 'x-image-meta-location': url, 'x-image-meta-copy_from': 'http://127.0.0.1/' };
    assert.ok(
      !(await send('GET', `/image/v2/images/${id}`, undefined, alice, copied)).text.includes('file:///'),
    );
  });
});

describe('image properties that reach the hypervisor', () => {
  for (const [name, value] of [
    ['hw_machine_type', 'q35,kernel-irqchip=off'],
    ['hw_machine_type', '"/><devices>'],
    ['hw_machine_type', 'virt'],
    ['os_command_line', 'console=ttyS0\n<x/>'],
    ['hw_disk_bus', 'virtio"/><source file="/etc/shadow'],
    ['hw_vif_model', '../../x'],
    ['hw_rng_model', '</devices>'],
    ['kernel_id', '../../../etc/passwd'],
    ['ramdisk_id', '/etc/shadow'],
  ] as const)
    test(`${name}=${JSON.stringify(value)}: refused, not understood, or harmless text`, async () => {
      const { id, upload } = await makeImage({ disk_format: 'raw', [name]: value });
      assert.equal(upload.status, 204, upload.text);
      const made = await send('POST', `${C}/servers`, serverOf({ imageRef: id }));
      if (made.status !== 202) return refused(made, 400, 404);
      const server = (made.json as { server: { id: string } }).server.id;
      const ended = await until(
        async () => {
          const { json } = await send('GET', `${C}/servers/${server}`);
          const { status, fault } = (json as { server: { status: string; fault?: { message: string } } })
            .server;
          return status === 'BUILD' ? undefined : { status, message: fault?.message ?? '' };
        },
        { deadlineMs: 120_000, everyMs: 20, what: 'the launch to end' },
      );
      assert.equal(indiscretion(ended.message, stage.cloud), undefined, ended.message);
      if (ended.status === 'ERROR') assert.match(ended.message, new RegExp(`${name}|image`, 'i'));
      await send('DELETE', `${C}/servers/${server}`);
    });
});

describe('names and texts', () => {
  const NASTY = [
    '</name><devices><disk/></devices>',
    '$(reboot);`id`',
    '"\'><script>alert(1)</script>',
    '../../../etc',
    '${jndi:ldap://x}',
    '%s%n',
    '名前 💥',
    '-rf',
    'a'.repeat(255),
  ];

  for (const name of NASTY)
    test(`a server named ${name.slice(0, 40)} launches, and its host name is one`, async () => {
      const id = await bootServer(stage.client, alice, String(stage.ids['network']), name, {
        metadata: { key: name },
        description: name,
        user_data: Buffer.from(`#!/bin/sh\n${name}`).toString('base64'),
        config_drive: true,
      });
      const { server } = (await send('GET', `${C}/servers/${id}`)).json as { server: Record<string, string> };
      assert.equal(server['name'], name);
      assert.match(server['OS-EXT-SRV-ATTR:hostname'] ?? '', /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/);
      const consoles = await send('POST', `${C}/servers/${id}/remote-consoles`, {
        remote_console: { protocol: 'vnc', type: 'novnc' },
      });
      const { url } = (consoles.json as { remote_console: { url: string } }).remote_console;
      const page = await stage.client.send({
        method: 'GET',
        path: url.replace(stage.client.origin, ''),
        headers: { accept: 'text/html' },
      });
      assert.ok(!page.text.includes(name), 'the page of a console names no server');
      const world = await send('GET', `${N}/ports?device_id=${id}`, undefined, admin);
      const [port] = (world.json as { ports: Array<{ dns_name?: string }> }).ports;
      assert.match(port?.dns_name ?? '', /^[a-z0-9.-]*$/);
      await send('DELETE', `${C}/servers/${id}`);
    });

  test('with control characters: refused where lines are made of them', async () => {
    for (const text of ['a\nb', 'a\r\nX-Evil: 1', 'a\u001b[2J', '\u2028'])
      for (const [path, body] of [
        [`${C}/servers`, serverOf({ name: text, imageRef: stage.ids['image'] })],
        [`${C}/servers`, serverOf({ hostname: text, imageRef: stage.ids['image'] })],
        [`${C}/servers`, serverOf({ key_name: text, imageRef: stage.ids['image'] })],
        [`${C}/servers`, serverOf({ metadata: { [text]: 'x' }, imageRef: stage.ids['image'] })],
        [`${C}/os-keypairs`, { keypair: { name: text, type: 'ssh', public_key: 'ssh-ed25519 AAAA' } }],
        [`${C}/os-server-groups`, { server_group: { name: text, policy: 'affinity' } }],
        [
          `${N}/subnets`,
          {
            subnet: {
              network_id: stage.ids['network'],
              ip_version: 4,
              cidr: '10.5.0.0/24',
              dns_nameservers: [text],
            },
          },
        ],
        [
          `${N}/subnets`,
          {
            subnet: {
              network_id: stage.ids['network'],
              ip_version: 4,
              cidr: '10.5.0.0/24',
              host_routes: [{ destination: text, nexthop: text }],
            },
          },
        ],
        [`${N}/ports`, { port: { network_id: stage.ids['network'], dns_name: text } }],
        [`${N}/ports`, { port: { network_id: stage.ids['network'], mac_address: text } }],
        [
          `${N}/ports`,
          { port: { network_id: stage.ids['network'], allowed_address_pairs: [{ ip_address: text }] } },
        ],
        [
          `${N}/security-group-rules`,
          {
            security_group_rule: {
              security_group_id: stage.ids['security_group'],
              direction: 'ingress',
              protocol: text,
            },
          },
        ],
        [
          `${N}/security-group-rules`,
          {
            security_group_rule: {
              security_group_id: stage.ids['security_group'],
              direction: 'ingress',
              remote_ip_prefix: `0.0.0.0/0 || 1 ${text}`,
            },
          },
        ],
      ] as const)
        refused(await send('POST', path, body), 400);
  });

  test('a key pair is one key: a second line is refused', async () => {
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHLHoE2ZlYXGm3yDa1c4HwtMiTMrYmdyXxVyv1QTuYIo';
    for (const public_key of [
      `${key} a\n${key} b`,
      `${key} a\r${key} b`,
      `command="id" ${key} a`,
      `no-pty ${key}`,
      `${key}\u0085${key}`,
    ])
      refused(
        await send('POST', `${C}/os-keypairs`, { keypair: { name: 'two', type: 'ssh', public_key } }),
        400,
      );
  });

  test('user data of one byte too many, and what is no base64, are refused', async () => {
    for (const user_data of ['A'.repeat(65_536), '!!!!', 'A===', 'data:;base64,AAAA'])
      refused(await send('POST', `${C}/servers`, serverOf({ imageRef: stage.ids['image'], user_data })), 400);
  });

  test('in the domain of a guest they are text, never elements', () => {
    const parser = new XMLParser({ ignoreAttributes: false });
    for (const displayName of [...NASTY, ']]>', '&lt;', 'a\u0001\u0000b', '\ufffe'].filter(
      (each) => each !== '../../../etc',
    )) {
      const xml = domainXml({
        id: '11111111-2222-4333-8444-555555555555',
        name: 'instance-11111111',
        vcpus: 1,
        memoryMb: 64,
        arch: 'x86_64',
        machine: 'q35',
        accel: 'tcg',
        cpuMode: 'default',
        disks: [],
        interfaces: [],
        consoleLogPath: '/c',
        serialSocketPath: '/s',
        vncSocketPath: '/v',
        randomDevice: true,
        metadata: { displayName, projectId: displayName, userId: displayName, flavorName: displayName },
      });
      const { domain } = parser.parse(xml, true) as { domain: Record<string, unknown> };
      assert.ok(!Array.isArray(domain['devices']) && !('disk' in (domain['devices'] as object)), xml);
    }
  });
});
