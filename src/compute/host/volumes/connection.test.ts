import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostError } from '../errors.ts';
import { maskedConnection, readConnection, sourceOf, type Connection } from './connection.ts';

const NBD = { driver_volume_type: 'nbd', export_name: 'e' };
const RBD = {
  driver_volume_type: 'rbd',
  name: 'volumes/volume-1',
  hosts: ['a', 'b'],
  ports: ['6789', '3300'],
  auth_username: 'cinder',
  secret_uuid: 's',
};

test('a connection becomes the disk that the hypervisor opens', () => {
  const wait = { reconnectMs: 60_000 };
  for (const [connection, source] of [
    [
      { ...NBD, socket_path: '/s' },
      { kind: 'nbd', exportName: 'e', socketPath: '/s', ...wait },
    ],
    [
      { ...NBD, host: 'h', port: 10_809 },
      { kind: 'nbd', exportName: 'e', host: 'h', port: 10_809, ...wait },
    ],
    [
      RBD,
      {
        kind: 'rbd',
        pool: 'volumes',
        image: 'volume-1',
        monitors: [
          { host: 'a', port: 6789 },
          { host: 'b', port: 3300 },
        ],
        user: 'cinder',
        secretId: 's',
      },
    ],
    [
      { driver_volume_type: 'simulated', volume_id: 'v' },
      { kind: 'file', path: '/simulated/volumes/v', format: 'raw' },
    ],
  ] as const)
    assert.deepEqual(sourceOf(readConnection(JSON.stringify(connection))), source);
});

const refused = (code: string) => (error: unknown) =>
  error instanceof HostError && error.code === code && error.retriable;

test('what lacks something, or says it in another way, is refused with the name of it and no value', () => {
  const wrong: ReadonlyArray<readonly [Connection, string]> = [
    [{ ...NBD }, 'host'],
    [{ ...NBD, host: 'h' }, 'port'],
    [{ ...NBD, host: 'h', port: 70_000 }, 'port'],
    [{ ...NBD, export_name: 5, socket_path: '/s' }, 'export_name'],
    [{ ...NBD, socket_path: null }, 'socket_path'],
    [{ ...RBD, name: 'volume-1' }, 'name'],
    [{ ...RBD, name: 'a/b/c' }, 'name'],
    [{ ...RBD, hosts: 'a' }, 'hosts'],
    [{ ...RBD, hosts: [] }, 'hosts'],
    [{ ...RBD, ports: ['6789'] }, 'ports'],
    [{ ...RBD, ports: ['6789', 'x'] }, 'port'],
    [{ ...RBD, auth_username: undefined }, 'auth_username'],
    [{ ...RBD, secret_uuid: { hidden: 'hush' } }, 'secret_uuid'],
    [{ driver_volume_type: 'simulated' }, 'volume_id'],
  ];
  for (const [connection, name] of wrong)
    assert.throws(
      () => sourceOf(connection),
      (error) =>
        refused('connection-unreadable')(error) &&
        error instanceof Error &&
        error.message.endsWith(`a valid ${name}.`),
      JSON.stringify(connection),
    );
  for (const json of ['[]', 'null', '"x"', '5'])
    assert.throws(() => readConnection(json), refused('connection-unreadable'));
  for (const type of ['iscsi', undefined])
    assert.throws(() => sourceOf({ driver_volume_type: type }), refused('unknown-storage'));
});

test('a record tells where a volume is, and no secret', () => {
  assert.deepEqual(maskedConnection(JSON.stringify({ ...RBD, encrypted: false })), {
    ...RBD,
    auth_username: '***',
    secret_uuid: '***',
    encrypted: false,
  });
  assert.deepEqual(maskedConnection(null), {});
});
