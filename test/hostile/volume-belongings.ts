// One of each resource of the volume service, made by the member of project A.
import { until } from '#test/support/until.ts';
import type { Callers } from './callers.ts';
import type { HostileClient } from './client.ts';

const V = '/volume/v3';
const headers = { 'openstack-api-version': 'volume 3.70' } as const;

type Resource = Record<string, unknown> & { readonly id: string };

/** Ids by the names of PARAMS in targets.ts. */
export async function makeVolumeThings(
  client: HostileClient,
  { alice, admin }: Callers,
): Promise<Record<string, string>> {
  const send = async (method: string, path: string, token: string, body?: unknown): Promise<unknown> =>
    client.ok({ method, path: `${V}${path}`, token, headers, ...(body === undefined ? {} : { body }) });
  const make = async (
    collection: string,
    key: string,
    fields: object,
    token = alice.token,
  ): Promise<string> =>
    ((await send('POST', `/${collection}`, token, { [key]: fields })) as Record<string, Resource>)[key]!.id; // just made
  const settled = async (path: string, key: string, status: string): Promise<void> => {
    await until(
      async () =>
        ((await send('GET', path, alice.token)) as Record<string, Resource>)[key]?.['status'] === status,
      { deadlineMs: 120_000, everyMs: 20, what: `${path} to be ${status}` },
    );
  };
  const newVolume = async (fields: object, status = 'available'): Promise<string> => {
    const id = await make('volumes', 'volume', { size: 1, metadata: { k: 'v' }, ...fields });
    await settled(`/volumes/${id}`, 'volume', status);
    return id;
  };

  const volume = await newVolume({ name: 'a-volume' });
  const snapshot = await make('snapshots', 'snapshot', { volume_id: volume, metadata: { k: 'v' } });
  await settled(`/snapshots/${snapshot}`, 'snapshot', 'available');
  const backup = await make('backups', 'backup', { volume_id: volume });
  await settled(`/backups/${backup}`, 'backup', 'available');
  const reserved = await newVolume({ name: 'a-reserved-volume' });
  const attachment = await make('attachments', 'attachment', {
    volume_uuid: reserved,
    instance_uuid: '0b0d0c0b-1111-4222-8333-444455556666',
  });
  const offered = await newVolume({ name: 'an-offered-volume' });
  const transfer = await make('volume-transfers', 'transfer', { volume_id: offered });
  const type = await make(
    'types',
    'volume_type',
    {
      name: 'a-type',
      extra_specs: { volume_backend_name: 'nowhere' },
      'os-volume-type-access:is_public': true,
    },
    admin,
  );
  await newVolume({ name: 'a-failed-volume', volume_type: type }, 'error');
  const groupType = await make(
    'group_types',
    'group_type',
    { name: 'a-group-type', group_specs: { k: 'v' } },
    admin,
  );
  const group = await make('groups', 'group', {
    name: 'a-group',
    group_type: groupType,
    volume_types: ['__DEFAULT__'],
  });
  await newVolume({ name: 'a-grouped-volume', volume_type: '__DEFAULT__', group_id: group });
  const groupSnapshot = await make('group_snapshots', 'group_snapshot', { group_id: group, name: 'x' });
  await settled(`/group_snapshots/${groupSnapshot}`, 'group_snapshot', 'available');
  const { messages } = (await send('GET', '/messages', alice.token)) as { messages: Resource[] };
  const qos = await make('qos-specs', 'qos_specs', { name: 'a-qos', read_iops_sec: '5' }, admin);
  const { services } = (await send('GET', '/os-services?binary=cinder-volume', admin)) as {
    services: Array<{ host: string }>;
  };
  return {
    volume,
    volume_snapshot: snapshot,
    volume_backup: backup,
    volume_attachment: attachment,
    volume_transfer: transfer,
    volume_type: type,
    volume_message: messages[0]!.id, // of the volume that failed
    volume_qos: qos,
    volume_group_type: groupType,
    volume_group: group,
    volume_group_snapshot: groupSnapshot,
    volume_host: services[0]!.host, // the simulated world has one
  };
}
