// A volume service on models of storage with things to look at, and clients of its API at one microversion each. For the rows
// of its microversions.
import assert from 'node:assert/strict';
import type { Transport } from '#platform/clients/transport.ts';
import { PROJECT, type Answer, type JsonValue } from '../service-harness.ts';
import { startVolumes, untilStatus } from '../volume-harness.ts';

export type Who = 'member' | 'admin';

/** Paths are below `/volume/v3`. */
export interface Client {
  readonly minor: number;
  send(method: string, path: string, body?: unknown, who?: Who): Promise<Answer>;
  /** @returns the body of a 200 */
  get(path: string, who?: Who): Promise<JsonValue>;
}

export interface World extends AsyncDisposable {
  /** Available, with the metadata `k: v`. */
  readonly volume: string;
  /** Of `volume`, with the same metadata. */
  readonly snapshot: string;
  /** Of `volume`. */
  readonly backup: string;
  readonly attachment: string;
  /** Active, of no size, with a mapping to `snapshot`. */
  readonly serverImage: string;
  /** The message of a volume that no backend had room for. */
  readonly message: string;
  at(minor: number): Client;
  /** @returns the id of a new available volume */
  newVolume(fields?: object): Promise<string>;
  settled(path: string, status: string): Promise<JsonValue>;
  unique(prefix: string): string;
}

export const SERVER = '5e4e0000-0000-4000-8000-000000000001';
const SERVER_IMAGE = '1a6e0000-0000-4000-8000-000000000001';

export async function startWorld(): Promise<World> {
  await using stack = new AsyncDisposableStack();
  let snapshot = '';
  const image = imagePeer(() => snapshot);
  const volumes = stack.use(
    await startVolumes({
      config: { cluster: 'c' },
      // Nothing is made on the second unless it is named: it is in a zone of its own.
      backends: [{ name: 'memory' }, { name: 'second', zone: 'elsewhere' }],
      peers: { image },
    }),
  );
  const at = (minor: number): Client => {
    const send: Client['send'] = async (method, path, body, who = 'member') =>
      volumes.call(method, `/v3${path}`, {
        token: who,
        version: `3.${minor}`,
        ...(body === undefined ? {} : { body }),
      });
    return {
      minor,
      send,
      get: async (path, who) => {
        const answer = await send('GET', path, undefined, who);
        assert.equal(answer.status, 200, `GET ${path} at 3.${minor}: ${JSON.stringify(answer.body)}`);
        return answer.body;
      },
    };
  };
  const top = at(70);
  const settled: World['settled'] = async (path, status) => untilStatus(volumes, `/v3${path}`, status);
  const made = async (collection: string, key: string, fields: object): Promise<string> => {
    const answer = await top.send('POST', `/${collection}`, { [key]: fields });
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
    return answer.body[key].id as string;
  };
  const available = async (collection: string, key: string, fields: object): Promise<string> => {
    const id = await made(collection, key, fields);
    await settled(`/${collection}/${id}`, 'available');
    return id;
  };
  const newVolume: World['newVolume'] = async (fields = {}) =>
    available('volumes', 'volume', { size: 1, ...fields });
  const unlimited = { quota_set: { volumes: -1, snapshots: -1, backups: -1 } };
  await top.send('PUT', `/os-quota-sets/${PROJECT}`, unlimited, 'admin');
  const metadata = { k: 'v' };
  const volume = await newVolume({ name: 'seen', metadata });
  snapshot = await available('snapshots', 'snapshot', { volume_id: volume, name: 'seen', metadata });
  const backup = await available('backups', 'backup', { volume_id: volume, name: 'seen' });
  const reserved = await newVolume({ name: 'reserved' });
  const attachment = await made('attachments', 'attachment', {
    volume_uuid: reserved,
    instance_uuid: SERVER,
  });
  const volume_type = { name: 'nowhere', extra_specs: { volume_backend_name: 'nowhere' } };
  await top.send('POST', '/types', { volume_type }, 'admin');
  const failed = await made('volumes', 'volume', { size: 1, volume_type: 'nowhere' });
  await settled(`/volumes/${failed}`, 'error');
  const [{ id: message }] = (await top.get('/messages')).messages;
  let last = 0;
  const kept = stack.move();
  return {
    volume,
    snapshot,
    backup,
    attachment,
    message,
    serverImage: SERVER_IMAGE,
    at,
    newVolume,
    settled,
    unique: (prefix) => `${prefix}-${++last}`,
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}

/** An image service that has one image, and takes records of more without their data. */
function imagePeer(snapshot: () => string): Transport {
  const base = {
    id: SERVER_IMAGE,
    name: 'of-a-server',
    status: 'active',
    visibility: 'private',
    owner: null,
    min_disk: 0,
    min_ram: 0,
    size: 0,
    virtual_size: null,
    disk_format: 'raw',
    container_format: 'bare',
    os_hash_algo: null,
    os_hash_value: null,
  };
  return {
    send: async ({ method, path, body }) => {
      if (method === 'POST')
        return { status: 201, headers: {}, body: { ...base, ...(body as object), id: crypto.randomUUID() } };
      if (method !== 'GET') return { status: 204, headers: {}, body: undefined };
      if (!path.includes(SERVER_IMAGE)) return { status: 404, headers: {}, body: {} };
      const mappings = [{ source_type: 'snapshot', boot_index: 0, snapshot_id: snapshot() }];
      return {
        status: 200,
        headers: {},
        body: { ...base, block_device_mapping: JSON.stringify(mappings) },
      };
    },
  };
}
