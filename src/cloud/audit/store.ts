/**
 * The rows that an audit compares, read from the SQLite files by a connection of its own that cannot write. Works beside a
 * cloud that runs and without one. Called by read-things.ts.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface Records {
  readonly instances: readonly InstanceRecord[];
  readonly actions: readonly ActionRecord[];
  /** Moves that hold resources: under way, to be confirmed, or evacuations whose old host was not heard of since. */
  readonly migrations: readonly MigrationRecord[];
  /** Steps that are neither ended nor `ready`, which waits for the guest. */
  readonly openSteps: ReadonlyArray<{
    readonly saga_id: string;
    readonly step: string;
    readonly state: string;
  }>;
  readonly allocations: ReadonlyArray<{
    readonly consumer_id: string;
    readonly provider: string;
    readonly consumer_type: string | null;
  }>;
  /** What consumers have of hosts' networks. */
  readonly bandwidth: ReadonlyArray<{
    readonly consumer_id: string;
    readonly resource_class: string;
    readonly used: number;
  }>;
  readonly outbox: ReadonlyArray<{
    readonly queue: string;
    readonly method: string;
    readonly created_at: string;
    readonly attempts: number;
  }>;
  readonly networks: readonly string[];
  readonly subnets: readonly string[];
  readonly routers: readonly string[];
  readonly securityGroups: readonly string[];
  readonly ports: readonly PortRecord[];
  readonly floatingIps: readonly string[];
  readonly addresses: ReadonlyArray<{ readonly port_id: string; readonly ip_address: string }>;
  readonly groupsOfPorts: ReadonlyArray<{ readonly port_id: string; readonly security_group_id: string }>;
  readonly northboundWork: ReadonlyArray<{
    readonly kind: string;
    readonly id: string;
    readonly marked_at: string;
  }>;
  readonly images: readonly ImageRecord[];
  readonly volumes: ReadonlyArray<{
    readonly id: string;
    readonly host: string | null;
    readonly lifecycle: string;
  }>;
  readonly volumeSnapshots: ReadonlyArray<{
    readonly id: string;
    readonly volume_id: string;
    readonly status: string;
  }>;
  readonly backups: ReadonlyArray<{
    readonly id: string;
    /** Its set in the backup store. */
    readonly data_id: string;
    readonly status: string;
  }>;
  readonly attachments: ReadonlyArray<{
    readonly id: string;
    readonly volume_id: string;
    readonly instance_id: string | null;
  }>;
  /** Images of servers that nobody fills any more: since when, as compute says. */
  readonly settledImages: ReadonlyArray<{
    readonly id: string;
    readonly instance_id: string;
    /** `kept`: with data it is somebody's image. */
    readonly state: string;
    readonly since: string;
  }>;
  /** What compute says that servers have of volumes. */
  readonly deviceAttachments: ReadonlyArray<{
    readonly attachment_id: string;
    readonly instance_id: string;
    readonly volume_id: string;
  }>;
  /** Under way. */
  readonly volumeOperations: ReadonlyArray<{
    readonly id: string;
    readonly resource_type: string;
    readonly resource_id: string;
    readonly operation: string;
    readonly deadline_at: string;
  }>;
  readonly volumeOutbox: Records['outbox'];
  /** Encryption keys that open nothing that is there. */
  readonly unownedKeys: ReadonlyArray<{ readonly id: string; readonly owner_id: string }>;
  /** Encrypted volumes and backups that nothing opens. */
  readonly keyless: ReadonlyArray<{ readonly id: string; readonly kind: string }>;
}

export interface InstanceRecord {
  readonly id: string;
  readonly name: string;
  readonly vm_state: string;
  readonly task_state: string | null;
  readonly power_state: number;
  readonly host: string | null;
  readonly image_id: string | null;
  readonly vifs_json: string;
  readonly port_requests_json: string;
  readonly fault_json: string | null;
  readonly deleted: number;
}

export interface ActionRecord {
  readonly id: string;
  readonly instance_id: string;
  readonly action: string;
  readonly state: string;
  readonly deadline_at: string;
}

export interface MigrationRecord {
  readonly uuid: string;
  readonly instance_id: string;
  readonly status: string;
  readonly source_compute: string;
}

export interface PortRecord {
  readonly id: string;
  readonly network_id: string;
  readonly device_id: string;
  readonly device_owner: string;
  readonly binding_host_id: string;
}

export interface ImageRecord {
  readonly id: string;
  readonly status: string;
  readonly size: number | null;
  /** Name of its data in the store of files. */
  readonly location: string | null;
  /** Name of its data in Ceph. */
  readonly ceph_location: string | null;
  readonly upload_id: string | null;
  readonly upload_lease: string | null;
}

/** @param directory `services` of the data directory. A database that is not there yet has no rows. */
export function readRecords(directory: string): Records {
  return {
    ...inDatabase(join(directory, 'compute.db'), readCompute),
    ...inDatabase(join(directory, 'network.db'), readNetwork),
    ...inDatabase(join(directory, 'image.db'), readImages),
    ...inDatabase(join(directory, 'volume.db'), readVolumes),
  };
}

type Select = <T>(sql: string) => T[];

function inDatabase<T>(path: string, read: (select: Select) => T): T {
  if (!existsSync(path)) return read(() => []);
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
  try {
    db.exec('begin'); // one moment for all that is read
    return read(<R>(sql: string) => db.prepare(sql).all() as R[]);
  } finally {
    db.close();
  }
}

function readCompute(select: Select) {
  return {
    instances: select<InstanceRecord>(
      `select id, name, vm_state, task_state, power_state, host, image_id, vifs_json,
          port_requests_json, fault_json, deleted from instances`,
    ),
    actions: select<ActionRecord>(
      `select id, instance_id, action, state, deadline_at from instance_actions where state = 'running'`,
    ),
    migrations: select<MigrationRecord>(
      `select uuid, instance_id, status, source_compute from migrations
        where status not in ('confirmed', 'reverted', 'completed', 'cancelled', 'failed', 'error')`,
    ),
    openSteps: select<Records['openSteps'][number]>(
      `select saga_id, step, state from saga_steps where state in ('running', 'undoing') and step <> 'ready'`,
    ),
    allocations: select<Records['allocations'][number]>(
      `select distinct a.consumer_id, p.name as provider, c.consumer_type from allocations a
        left join resource_providers p on p.id = a.provider_id left join consumers c on c.id = a.consumer_id`,
    ),
    bandwidth: select<Records['bandwidth'][number]>(
      `select consumer_id, resource_class, sum(used) as used from allocations
        where resource_class like 'NET_BW_%' group by consumer_id, resource_class`,
    ),
    outbox: select<Records['outbox'][number]>(`select queue, method, created_at, attempts from outbox`),
    settledImages: select<Records['settledImages'][number]>(
      `select p.id, p.instance_id, p.state, coalesce(a.finished_at, p.created_at) as since
        from pending_images p left join instance_actions a on a.id = p.action_id
        where a.state is null or a.state <> 'running'`,
    ),
    deviceAttachments: select<Records['deviceAttachments'][number]>(
      `select attachment_id, instance_id, volume_id from block_devices where attachment_id is not null`,
    ),
  };
}

function readNetwork(select: Select) {
  const ids = (table: string): string[] =>
    select<{ id: string }>(`select id from ${table}`).map(({ id }) => id);
  return {
    networks: ids('networks'),
    subnets: ids('subnets'),
    routers: ids('routers'),
    securityGroups: ids('security_groups'),
    floatingIps: ids('floatingips'),
    ports: select<PortRecord>(`select id, network_id, device_id, device_owner, binding_host_id from ports`),
    addresses: select<Records['addresses'][number]>(`select port_id, ip_address from ip_allocations`),
    groupsOfPorts: select<Records['groupsOfPorts'][number]>(
      `select port_id, security_group_id from port_security_groups`,
    ),
    northboundWork: select<Records['northboundWork'][number]>(
      `select kind, id, marked_at from northbound_work`,
    ),
  };
}

function readImages(select: Select) {
  return {
    images: select<ImageRecord>(
      `select i.id, i.status, i.size, i.upload_id, i.upload_lease, f.name as location,
          c.name as ceph_location from images i
        left join image_locations f on f.image_id = i.id and f.store = 'file'
        left join image_locations c on c.image_id = i.id and c.store = 'ceph' where i.status <> 'deleted'`,
    ),
  };
}

function readVolumes(select: Select) {
  return {
    volumes: select<Records['volumes'][number]>(`select id, host, lifecycle from volumes`),
    volumeSnapshots: select<Records['volumeSnapshots'][number]>(
      `select id, volume_id, status from snapshots`,
    ),
    backups: select<Records['backups'][number]>(`select id, data_id, status from backups`),
    attachments: select<Records['attachments'][number]>(`select id, volume_id, instance_id from attachments`),
    volumeOperations: select<Records['volumeOperations'][number]>(
      `select id, resource_type, resource_id, operation, deadline_at from operations where state = 'running'`,
    ),
    volumeOutbox: select<Records['outbox'][number]>(`select queue, method, created_at, attempts from outbox`),
    unownedKeys: select<Records['unownedKeys'][number]>(
      `select id, owner_id from encryption_keys where owner_id not in (select id from volumes)
        and owner_id not in (select id from backups)
        and owner_id not in (select 'next-of-' || id from volumes where lifecycle = 'retyping')`,
    ),
    keyless: select<Records['keyless'][number]>(
      `select id, 'volume' as kind from volumes where encrypted = 1 and id not in (select owner_id from encryption_keys)
        union all select id, 'backup' from backups
          where encryption_key_id is not null and id not in (select owner_id from encryption_keys)`,
    ),
  };
}
