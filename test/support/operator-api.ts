// Compute's operator resources for their tests: a mounted API over one database with a host, two servers and the seeded flavors.
import { outboxMigration } from '#platform/bus/outbox.ts';
import { createInProcessBus } from '#platform/bus/in-process.ts';
import { systemClock } from '#platform/context/clock.ts';
import { silentLog } from '#platform/log/log.ts';
import { Enforcer } from '#platform/policy/enforcer.ts';
import { sagaMigration } from '#platform/saga/sql-log.ts';
import { openDatabase } from '#platform/sql/database.ts';
import { migrate } from '#platform/sql/migrate.ts';
import { ensureHostProvider } from '#placement/claim.ts';
import { migratePlacement } from '#placement/migrate.ts';
import { DEFAULT_COMPUTE_CONFIG } from '#compute/config.ts';
import type { ComputeDatabase, ComputeDeps } from '#compute/deps.ts';
import { renderComputeFault } from '#compute/faults.ts';
import { seedFlavors } from '#compute/flavors/seed.ts';
import { computeMigration } from '#compute/migrations/001-compute.ts';
import { migrationsMigration } from '#compute/migrations/003-migrations.ts';
import { portRequestsMigration } from '#compute/migrations/005-port-requests.ts';
import { operatorPolicies, operatorRoutes } from '#compute/operator-table.ts';
import type { HostReport } from '#compute/rpc.ts';
import type { ComputeTables, InstanceRow } from '#compute/tables.ts';
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { urlOf, type TestEngine } from './engines.ts';
import { mountForTest, PROJECT, type CallOptions, type Mounted } from './service-harness.ts';

export const NODE = 'aaaaaaaa-0000-4000-8000-000000000001';
export const SERVICE = 'bbbbbbbb-0000-4000-8000-000000000001';

/** Call inside a `describe`: it hooks up and tears down. */
export function operatorApi(engine: TestEngine): {
  readonly api: Pick<Mounted, 'call'>;
  db(): ComputeDatabase;
} {
  let db: ComputeDatabase;
  let mounted: Mounted;

  before(async () => {
    db = openDatabase<ComputeTables>(await urlOf(engine));
    await migrate(db, 'compute', [
      outboxMigration,
      sagaMigration,
      computeMigration,
      migrationsMigration,
      portRequestsMigration,
    ]);
    await migratePlacement(db);
    await seedFlavors(db);
    await seedFlavors(db);
    const enforcer = new Enforcer(operatorPolicies);
    const unused = (): never => assert.fail('no other service is needed');
    const deps = {
      db,
      bus: createInProcessBus(),
      clock: systemClock,
      enforcer,
      log: silentLog,
      config: DEFAULT_COMPUTE_CONFIG,
      region: 'r',
      image: undefined as never,
      network: undefined as never,
      volume: undefined as never,
      peer: unused,
      serviceToken: unused,
    } satisfies ComputeDeps;
    mounted = await mountForTest<ComputeDeps>({
      name: 'compute',
      prefix: '/compute',
      routes: operatorRoutes,
      deps,
      enforcer,
      renderFault: renderComputeFault,
      microversions: {
        serviceType: 'compute',
        min: '2.1',
        max: '2.93',
        legacyHeader: 'X-OpenStack-Nova-API-Version',
      },
    });
    await addHost(db);
    for (let i = 0; i < 2; i++) await addServer(db, `s${i}`);
  });
  after(async () => {
    await mounted.app.close();
    await db[Symbol.asyncDispose]();
  });

  return { api: { call: async (method, url, options) => mounted.call(method, url, options) }, db: () => db };
}

/** A call at a microversion, as a member unless told. */
export const at = (version: string, token = 'member'): CallOptions => ({
  token,
  headers: { 'openstack-api-version': `compute ${version}` },
});
export const admin = (version = '2.1'): CallOptions => at(version, 'admin');

async function addHost(db: ComputeDatabase): Promise<void> {
  const now = new Date().toISOString();
  const report: HostReport = {
    host: 'h1',
    hypervisor_hostname: 'h1.local',
    hypervisor_type: 'QEMU',
    hypervisor_version: 7002000,
    host_ip: '127.0.0.1',
    vcpus: 4,
    memory_mb: 8192,
    local_gb: 100,
    cpu_info: { arch: 'x86_64' },
    traits: [],
    supported_instances: [],
    simulated: true,
  };
  const { hypervisor_hostname, hypervisor_type, hypervisor_version, host_ip, vcpus, memory_mb, local_gb } =
    report;
  await db.transaction(async (trx) => {
    const facts = { host: 'h1', created_at: now, updated_at: now };
    await trx
      .insertInto('compute_nodes')
      .values({
        id: NODE,
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
        id: SERVICE,
        ...facts,
        binary: 'nova-compute',
        disabled: 0,
        disabled_reason: null,
        forced_down: 0,
        last_seen_at: now,
      })
      .execute();
    await ensureHostProvider(trx, NODE, report);
  });
}

async function addServer(db: ComputeDatabase, name: string): Promise<void> {
  const flavor = {
    id: '2',
    name: 'm1.small',
    vcpus: 1,
    ram: 2048,
    disk: 20,
    ephemeral: 0,
    swap: 0,
    rxtx_factor: 1,
    extra_specs: {},
  };
  const hourAgo = new Date(Date.now() - 3_600_000).toISOString();
  const row: InstanceRow = {
    id: crypto.randomUUID(),
    project_id: PROJECT,
    user_id: 'user-member',
    name,
    description: null,
    hostname: name,
    vm_state: 'active',
    task_state: null,
    power_state: 1,
    host: 'h1',
    node: 'h1.local',
    availability_zone: 'nova',
    requested_zone: null,
    requested_host: null,
    flavor_id: '2',
    flavor_json: JSON.stringify(flavor),
    image_id: 'i',
    kernel_id: null,
    ramdisk_id: null,
    image_json: '{}',
    root_device_name: '/dev/vda',
    key_name: null,
    public_key: null,
    key_type: null,
    user_data: null,
    config_drive: 0,
    admin_password: null,
    metadata_json: '{}',
    system_metadata_json: '{}',
    scheduler_hints_json: '{}',
    server_group_id: null,
    networks_json: '"none"',
    port_requests_json: '[]',
    security_groups_json: '[]',
    vifs_json: '[]',
    disk_config: 'MANUAL',
    access_ip_v4: null,
    access_ip_v6: null,
    locked: 0,
    locked_reason: null,
    locked_by: null,
    progress: 100,
    fault_json: null,
    reservation_id: 'r',
    launch_index: 0,
    created_at: hourAgo,
    updated_at: null,
    launched_at: hourAgo,
    terminated_at: null,
    deleted: 0,
    deleted_at: null,
  };
  await db.kysely.insertInto('instances').values(row).execute();
}
