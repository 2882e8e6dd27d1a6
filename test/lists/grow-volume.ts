// Number `n` of everything that the volume service lists, made through its API by a model of storage, but for hosts and messages.
import { joinCluster, updateCluster } from '#volume/clusters/store.ts';
import { PROJECT } from '#test/support/service-harness.ts';
import { until } from '#test/support/until.ts';
import { untilStatus } from '#test/support/volume-harness.ts';
import { addService } from '#test/support/volume-rows.ts';
import type { ListWorld } from './world.ts';

/** @returns the id of a volume that no other thing here uses */
export async function growVolume(world: ListWorld, n: number): Promise<string> {
  const { ids } = world;
  const make = async (collection: string, key: string, fields: object, as = 'member'): Promise<string> => {
    const made = await world.ok('volume', 'POST', `/v3/${collection}`, { as, body: { [key]: fields } });
    const id = made[key].id as string;
    ids[`volume_${key}`] ??= id;
    return id;
  };
  const settled = async (path: string): Promise<void> => {
    await untilStatus(world.volume, `/v3/${path}`, 'available');
  };
  const newVolume = async (fields: object): Promise<string> => {
    const id = await make('volumes', 'volume', { size: 1, metadata: { [`k${n}`]: 'v' }, ...fields });
    await settled(`volumes/${id}`);
    return id;
  };
  if (n === 0) {
    const unlimited = {
      volumes: -1,
      snapshots: -1,
      backups: -1,
      gigabytes: -1,
      backup_gigabytes: -1,
      groups: -1,
    };
    await world.ok('volume', 'PUT', `/v3/os-quota-sets/${PROJECT}`, {
      as: 'admin',
      body: { quota_set: unlimited },
    });
    await make('types', 'volume_type', { name: 'of-all', 'os-volume-type-access:is_public': false }, 'admin');
    const encryption = { provider: 'luks', control_location: 'front-end', cipher: 'aes', key_size: 256 };
    const closed = await make('types', 'volume_type', { name: 'closed' }, 'admin');
    await world.ok('volume', 'POST', `/v3/types/${closed}/encryption`, { as: 'admin', body: { encryption } });
    ids['encrypted_type'] = closed;
  }
  await growTypes(world, n, make);
  const volume = await newVolume({ name: `volume-${n}` });
  await world.ok('volume', 'PUT', `/v3/volumes/${ids['volume_volume']}/metadata/more-${n}`, {
    body: { meta: { [`more-${n}`]: 'v' } },
  });
  const snapshot = await make('snapshots', 'snapshot', { volume_id: volume, metadata: { [`k${n}`]: 'v' } });
  await settled(`snapshots/${snapshot}`);
  await world.ok('volume', 'PUT', `/v3/snapshots/${ids['volume_snapshot']}/metadata/more-${n}`, {
    body: { meta: { [`more-${n}`]: 'v' } },
  });
  await settled(`backups/${await make('backups', 'backup', { volume_id: volume, metadata: { k: 'v' } })}`);
  const attached = await newVolume({ name: `attached-${n}` });
  await make('attachments', 'attachment', { volume_uuid: attached, instance_uuid: crypto.randomUUID() });
  await make('volume-transfers', 'transfer', { volume_id: await newVolume({ name: `offered-${n}` }) });
  const fields = { name: `g${n}`, group_type: ids['volume_group_type'], volume_types: ['__DEFAULT__'] };
  const group = await make('groups', 'group', fields);
  await until(
    async () => (await world.ok('volume', 'GET', `/v3/groups/${group}`)).group.status === 'available',
    {
      what: 'the group',
      deadlineMs: 10_000,
    },
  );
  for (let each = 0; each < 2; each++) await newVolume({ volume_type: '__DEFAULT__', group_id: group });
  const ofGroup = await make('group_snapshots', 'group_snapshot', { group_id: group, name: `s${n}` });
  await until(
    async () =>
      (await world.ok('volume', 'GET', `/v3/group_snapshots/${ofGroup}`)).group_snapshot.status ===
      'available',
    { what: 'the group snapshot', deadlineMs: 10_000 },
  );
  const cluster_name = `cluster-${n}@backend`;
  const { db } = world.volume.service.deps;
  await joinCluster(db.kysely, cluster_name, new Date().toISOString());
  await updateCluster(db.kysely, cluster_name, { disabled: 1 }); // no volume is to go there
  await addService(world.volume, `host-${n}@backend`, { cluster_name });
  ids['volume_cluster'] ??= cluster_name;
  ids['volume_host'] ??= `host-${n}@backend`;
  await addMessage(world, n);
  return newVolume({ name: `free-${n}` });
}

async function growTypes(
  world: ListWorld,
  n: number,
  make: (collection: string, key: string, fields: object, as?: string) => Promise<string>,
): Promise<void> {
  const { ids } = world;
  const admin = async (method: string, path: string, body: unknown): Promise<void> => {
    await world.ok('volume', method, `/v3/${path}`, { as: 'admin', body });
  };
  const type = await make(
    'types',
    'volume_type',
    { name: `type-${n}`, extra_specs: { [`k${n}`]: 'v' } },
    'admin',
  );
  await admin('POST', `types/${ids['volume_volume_type']}/extra_specs`, { extra_specs: { [`k${n}`]: 'v' } });
  await admin('POST', `types/${ids['volume_volume_type']}/action`, {
    addProjectAccess: { project: `project-${n}` },
  });
  await admin('PUT', `default-types/project-${n}`, { default_type: { volume_type: type } });
  await make('qos-specs', 'qos_specs', { name: `qos-${n}`, read_iops_sec: '5' }, 'admin');
  await world.ok('volume', 'GET', `/v3/qos-specs/${ids['volume_qos_specs']}/associate?vol_type_id=${type}`, {
    as: 'admin',
  });
  await make(
    'group_types',
    'group_type',
    { name: `group-type-${n}`, group_specs: { [`k${n}`]: 'v' } },
    'admin',
  );
  await admin('POST', `group_types/${ids['volume_group_type']}/group_specs`, {
    group_specs: { [`k${n}`]: 'v' },
  });
}

async function addMessage(world: ListWorld, n: number): Promise<void> {
  const id = crypto.randomUUID();
  const now = new Date().toISOString();
  world.ids['volume_message'] ??= id;
  await world.volume.service.deps.db.kysely
    .insertInto('messages')
    .values({
      id,
      project_id: PROJECT,
      request_id: `req-${n}`,
      event_id: 'VOLUME_VOLUME_001_001',
      resource_type: 'VOLUME',
      resource_id: null,
      message_level: 'ERROR',
      user_message: 'words',
      detail_id: '001',
      action_id: '001',
      created_at: now,
      guaranteed_until: now,
    })
    .execute();
}
