// A database with hosts, servers and moves for the scheduler's tests: what is there, without anybody who acts on it.
import { createInProcessBus } from '#platform/bus/in-process.ts';
import type { Bus } from '#platform/bus/bus.ts';
import { outboxMigration } from '#platform/bus/outbox.ts';
import { systemClock } from '#platform/context/clock.ts';
import { silentLog } from '#platform/log/log.ts';
import { sagaMigration } from '#platform/saga/sql-log.ts';
import { openDatabase, type Database, type Executor } from '#platform/sql/database.ts';
import { migrate } from '#platform/sql/migrate.ts';
import { ensureHostProvider } from '#placement/claim.ts';
import { migratePlacement } from '#placement/migrate.ts';
import type { PlacementTables } from '#placement/tables.ts';
import { computeMigration } from '../../migrations/001-compute.ts';
import { migrationsMigration } from '../../migrations/003-migrations.ts';
import { portRequestsMigration } from '../../migrations/005-port-requests.ts';
import type { DestinationMessage, HostReport } from '../../rpc.ts';
import { insertMigration } from '../../server-migrations/store.ts';
import type { ComputeTables, InstanceRow } from '../../tables.ts';
import type { ServerGroupRow } from '../../server-groups/tables.ts';

export const now = (): string => new Date().toISOString();

export class Cloud implements AsyncDisposable {
  readonly db: Database<ComputeTables & PlacementTables>;
  readonly bus: Bus = createInProcessBus();

  constructor(url: string) {
    this.db = openDatabase(url);
  }

  get deps() {
    const db = this.db as unknown as Database<ComputeTables>;
    return {
      db,
      bus: this.bus,
      clock: systemClock,
      log: silentLog,
      config: { defaultAvailabilityZone: 'nova' },
    };
  }

  async open(): Promise<this> {
    await migrate(this.db, 'compute', [
      outboxMigration,
      sagaMigration,
      computeMigration,
      migrationsMigration,
      portRequestsMigration,
    ]);
    await migratePlacement(this.db);
    return this;
  }

  async host(
    name: string,
    options: { memory?: number; disabled?: boolean; seen?: string; traits?: string[] } = {},
  ): Promise<void> {
    const report: HostReport = {
      host: name,
      hypervisor_hostname: name,
      hypervisor_type: 'QEMU',
      hypervisor_version: 7002000,
      host_ip: '127.0.0.1',
      vcpus: 4,
      memory_mb: (options.memory ?? 4096) + 512,
      local_gb: 100,
      cpu_info: { arch: 'x86_64' },
      traits: options.traits ?? [],
      supported_instances: [['x86_64', 'kvm', 'hvm']],
      simulated: true,
    };
    const facts = { host: name, created_at: now(), updated_at: now() };
    const { hypervisor_hostname, hypervisor_type, hypervisor_version, host_ip, vcpus, memory_mb, local_gb } =
      report;
    await this.db.transaction(async (trx) => {
      await trx
        .insertInto('compute_nodes')
        .values({
          id: `node-${name}`,
          ...facts,
          hypervisor_hostname,
          hypervisor_type,
          hypervisor_version,
          host_ip,
          vcpus,
          memory_mb,
          local_gb,
          report_json: JSON.stringify(report),
        })
        .execute();
      await trx
        .insertInto('compute_services')
        .values({
          id: `service-${name}`,
          ...facts,
          binary: 'nova-compute',
          disabled: options.disabled ? 1 : 0,
          disabled_reason: options.disabled ? 'mending' : null,
          forced_down: 0,
          last_seen_at: options.seen ?? now(),
        })
        .execute();
      await ensureHostProvider(trx, `node-${name}`, report);
    });
  }

  async group(policy: ServerGroupRow['policy']): Promise<string> {
    const id = crypto.randomUUID();
    await this.db.kysely
      .insertInto('server_groups')
      .values({
        id,
        name: policy,
        project_id: 'p',
        user_id: 'u',
        policy,
        rules_json: '{}',
        created_at: now(),
      })
      .execute();
    return id;
  }

  /** @returns the argument of `selectHost` */
  async server(
    options: { ram?: number; specs?: Record<string, string>; changes?: Partial<InstanceRow> } = {},
  ) {
    const id = crypto.randomUUID();
    const flavor = {
      id: '1',
      name: 'f',
      vcpus: 1,
      ram: options.ram ?? 1024,
      disk: 1,
      ephemeral: 0,
      swap: 0,
      rxtx_factor: 1,
      extra_specs: options.specs ?? {},
    };
    const row: InstanceRow = {
      id, project_id: 'p', user_id: 'u', name: 's', description: null, hostname: 's', vm_state: 'building', task_state: 'scheduling',
      power_state: 0, host: null, node: null, availability_zone: null, requested_zone: null, requested_host: null, flavor_id: '1',
      flavor_json: JSON.stringify(flavor), image_id: 'i', kernel_id: null, ramdisk_id: null, image_json: '{}', root_device_name: '/dev/vda',
      key_name: null, public_key: null, key_type: null, user_data: null, config_drive: 0, admin_password: 'x', metadata_json: '{}',
      system_metadata_json: '{}', scheduler_hints_json: '{}', server_group_id: null, networks_json: '"none"', port_requests_json: '[]', security_groups_json: '[]',
      vifs_json: '[]', disk_config: 'MANUAL', access_ip_v4: null, access_ip_v6: null, locked: 0, locked_reason: null, locked_by: null,
      progress: 0, fault_json: null, reservation_id: 'r', launch_index: 0, created_at: now(), updated_at: null, launched_at: null,
      terminated_at: null, deleted: 0, deleted_at: null, ...options.changes,
    }; // prettier-ignore
    const action_id = crypto.randomUUID();
    await this.db.kysely.insertInto('instances').values(row).execute();
    await this.db.kysely
      .insertInto('instance_actions')
      .values({
        id: action_id,
        instance_id: id,
        action: 'create',
        request_id: 'req',
        user_id: 'u',
        project_id: 'p',
        message: null,
        state: 'running',
        host: null,
        attempt: 1,
        deadline_at: new Date(Date.now() + 60_000).toISOString(),
        cancelled: 0,
        request_json: '{}',
        traceparent: '',
        started_at: now(),
        finished_at: null,
      })
      .execute();
    return { action_id, instance_id: id, attempt: 1, user_token: 'secret-token', exclude: [] as string[] };
  }

  /** The server, which is on a host, is to have another flavor. @returns the argument of `selectDestination` */
  async move(args: { action_id: string; instance_id: string }, ram: number): Promise<DestinationMessage> {
    const { host, node, flavor_json } = await this.instance(args.instance_id);
    const new_flavor_json = JSON.stringify({ ...(JSON.parse(flavor_json) as object), ram });
    const uuid = crypto.randomUUID();
    const action_id = crypto.randomUUID();
    const action = await this.db.kysely
      .selectFrom('instance_actions')
      .selectAll()
      .where('id', '=', args.action_id)
      .executeTakeFirstOrThrow();
    const other = { ...action, id: action_id, action: 'resize', state: 'running' as const };
    await this.db.kysely.insertInto('instance_actions').values(other).execute();
    await this.db.transaction(async (trx) =>
      insertMigration(trx as unknown as Executor<ComputeTables>, {
        uuid, instance_id: args.instance_id, project_id: 'p', user_id: 'u', migration_type: 'resize', status: 'pre-migrating',
        source_compute: host ?? '', source_node: node ?? '', source_zone: null, dest_compute: null, dest_node: null, dest_host: null, dest_zone: null,
        old_flavor_json: flavor_json, new_flavor_json, old_vm_state: 'active', disk_config: 'AUTO', forced: 0, memory_total: null,
        memory_processed: null, memory_remaining: null, disk_total: null, disk_processed: null, disk_remaining: null,
        created_at: now(), updated_at: null,
      }),
    ); // prettier-ignore
    const ref = { action_id, instance_id: args.instance_id };
    const next = { on: host, method: 'moveServer' as const, args: { ...ref, migration_uuid: uuid } };
    return { ...ref, attempt: 1, exclude: [], requested_host: null, migration_uuid: uuid, next };
  }

  /** Who holds how much memory where: `server on node-one: 1024`. */
  async held(names: Readonly<Record<string, string>>): Promise<string[]> {
    const rows = await this.db.kysely
      .selectFrom('allocations')
      .innerJoin('consumers', 'consumers.id', 'allocations.consumer_id')
      .select(['consumer_id', 'provider_id', 'used', 'consumer_type'])
      .where('resource_class', '=', 'MEMORY_MB')
      .execute();
    return rows
      .map((row) => `${names[row.consumer_id]} on ${row.provider_id}: ${row.used} ${row.consumer_type}`)
      .toSorted();
  }

  async instance(id: string): Promise<InstanceRow> {
    return this.db.kysely.selectFrom('instances').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  }

  async outbox() {
    return this.db.kysely.selectFrom('outbox').selectAll().execute();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bus[Symbol.asyncDispose]();
    await this.db[Symbol.asyncDispose]();
  }
}
