// Number `n` of everything that compute lists. Its servers are as a launch leaves them: active on a host, with a port of the
// network service and a volume of the volume service; the first one gets more of each every time.
import { reportHost } from '#compute/conductor/hosts.ts';
import { insertMigration } from '#compute/server-migrations/store.ts';
import type { BlockDeviceRow, Vif } from '#compute/tables.ts';
import { PROJECT } from '#test/support/service-harness.ts';
import { untilStatus } from '#test/support/volume-harness.ts';
import type { GrownNetwork } from './grow-network.ts';
import type { ListWorld } from './world.ts';

const NOW = new Date().toISOString();
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHLHoE2ZlYXGm3yDa1c4HwtMiTMrYmdyXxVyv1QTuYIo a';

export async function growCompute(
  world: ListWorld,
  n: number,
  { network, group }: GrownNetwork,
  volume: string,
): Promise<void> {
  const { ids } = world;
  const post = async (path: string, body: unknown, as = 'member') =>
    world.ok('compute', 'POST', `/v2.1/${path}`, { as, body });
  if (n === 0) {
    const unlimited = {
      instances: -1,
      cores: -1,
      ram: -1,
      key_pairs: -1,
      server_groups: -1,
      server_group_members: -1,
    };
    await world.ok('compute', 'PUT', `/v2.1/os-quota-sets/${PROJECT}`, {
      as: 'admin',
      body: { quota_set: unlimited },
    });
    const closed = {
      id: 'closed',
      name: 'closed',
      vcpus: 1,
      ram: 64,
      disk: 0,
      'os-flavor-access:is_public': false,
    };
    await post('flavors', { flavor: closed }, 'admin');
  }
  const flavor = (
    await post('flavors', { flavor: { name: `flavor-${n}`, vcpus: 1, ram: 64, disk: 1 } }, 'admin')
  ).flavor.id;
  ids['flavor'] ??= flavor;
  for (const each of new Set([flavor, ids['flavor']]))
    await post(`flavors/${each}/os-extra_specs`, { extra_specs: { [`k${n}`]: 'v' } }, 'admin');
  await post('flavors/closed/action', { addTenantAccess: { tenant: `project-${n}` } }, 'admin');
  await addHost(world, n);
  const { aggregate } = await post(
    'os-aggregates',
    { aggregate: { name: `aggregate-${n}`, availability_zone: `zone-${n}` } },
    'admin',
  );
  ids['aggregate'] ??= aggregate.id;
  await post(`os-aggregates/${aggregate.id}/action`, { add_host: { host: `host-${n}` } }, 'admin');
  await post('os-keypairs', { keypair: { name: `key-${n}`, type: 'ssh', public_key: KEY } });
  const { server_group } = await post('os-server-groups', {
    server_group: { name: `group-${n}`, policy: 'soft-affinity' },
  });
  ids['server_group'] ??= server_group.id;
  const server = await addServer(world, n, {
    network,
    group,
    server_group: ids['server_group'] ?? '',
    flavor,
  });
  await attachPort(world, n, server, network, group);
  await attachVolume(world, n, server, volume);
  await growFirstServer(world, n, group);
  await addMigration(world, n, String(ids['server']));
}

/** Of the first server: as rows, since only one goes on at a time. */
async function addMigration(world: ListWorld, n: number, server: string): Promise<void> {
  const { kysely } = world.compute;
  const old = await kysely
    .selectFrom('instances')
    .select(['flavor_json', 'user_id'])
    .where('id', '=', server)
    .executeTakeFirstOrThrow();
  const { id } = await insertMigration(kysely, {
    uuid: crypto.randomUUID(),
    instance_id: server,
    project_id: PROJECT,
    user_id: old.user_id,
    migration_type: 'live-migration',
    status: 'running',
    source_compute: `host-${n}`,
    source_node: `host-${n}`,
    source_zone: null,
    dest_compute: null,
    dest_node: null,
    dest_host: null,
    dest_zone: null,
    old_flavor_json: old.flavor_json,
    new_flavor_json: old.flavor_json,
    old_vm_state: 'active',
    disk_config: 'AUTO',
    forced: 0,
    memory_total: null,
    memory_processed: null,
    memory_remaining: null,
    disk_total: null,
    disk_processed: null,
    disk_remaining: null,
    created_at: NOW,
    updated_at: null,
  });
  world.ids['migration'] ??= String(id);
}

async function addHost(world: ListWorld, n: number): Promise<void> {
  await reportHost(world.compute.service.deps, {
    host: `host-${n}`,
    hypervisor_hostname: `host-${n}`,
    hypervisor_type: 'QEMU',
    hypervisor_version: 7_002_000,
    host_ip: '127.0.0.1',
    vcpus: 4,
    memory_mb: 8192,
    local_gb: 100,
    cpu_info: {},
    traits: [],
    supported_instances: [],
    simulated: true,
  });
  const node = await world.compute.kysely.selectFrom('compute_nodes').select('id').executeTakeFirstOrThrow();
  world.ids['hypervisor'] ??= node.id;
}

interface Wanted extends Pick<GrownNetwork, 'network' | 'group'> {
  readonly server_group: string;
  readonly flavor: string;
}

async function addServer(world: ListWorld, n: number, wanted: Wanted): Promise<string> {
  const { server } = await world.ok('compute', 'POST', '/v2.1/servers', {
    body: {
      server: {
        name: `server-${n}`,
        flavorRef: wanted.flavor,
        imageRef: world.ids['image'],
        networks: [{ uuid: wanted.network }],
        metadata: { [`k${n}`]: 'v' },
        tags: [`tag-${n}`, 'all'],
        key_name: `key-${n}`,
      },
      'os:scheduler_hints': { group: wanted.server_group },
    },
  });
  world.ids['server'] ??= server.id;
  await world.compute.kysely
    .updateTable('instances')
    .set({
      vm_state: 'active',
      task_state: null,
      power_state: 1,
      host: `host-${n}`,
      node: `host-${n}`,
      availability_zone: 'nova',
      launched_at: NOW,
    })
    .where('id', '=', server.id)
    .execute();
  return server.id as string;
}

async function attachPort(
  world: ListWorld,
  n: number,
  server: string,
  network: string,
  group: string,
): Promise<void> {
  const { port } = await world.ok('network', 'POST', '/v2.0/ports', {
    body: {
      port: {
        network_id: network,
        device_id: server,
        device_owner: 'compute:nova',
        security_groups: [group],
      },
    },
  });
  world.ids['server_port'] ??= port.id;
  const vif: Vif = {
    port_id: port.id,
    network_id: network,
    network_label: `net-${n}`,
    mac: port.mac_address,
    mtu: 1442,
    devname: `tap${String(port.id).slice(0, 11)}`,
    active: true,
    owned: true,
    fixed_ips: port.fixed_ips.map((ip: { ip_address: string; subnet_id: string }) => ({
      address: ip.ip_address,
      version: 4,
      subnet_id: ip.subnet_id,
      cidr: '10.0.0.0/24',
      gateway: null,
      dns: [],
      mode: 'dhcp',
      routes: [],
      floating_ips: [],
    })),
  };
  const { kysely } = world.compute;
  const row = await kysely
    .selectFrom('instances')
    .select('vifs_json')
    .where('id', '=', server)
    .executeTakeFirstOrThrow();
  const vifs = [...(JSON.parse(row.vifs_json) as Vif[]), vif];
  await kysely
    .updateTable('instances')
    .set({ vifs_json: JSON.stringify(vifs) })
    .where('id', '=', server)
    .execute();
}

async function attachVolume(world: ListWorld, n: number, server: string, volume: string): Promise<void> {
  const { attachment } = await world.ok('volume', 'POST', '/v3/attachments', {
    body: { attachment: { volume_uuid: volume, instance_uuid: server } },
  });
  world.ids['server_volume'] ??= volume;
  const row: BlockDeviceRow = {
    id: crypto.randomUUID(),
    instance_id: server,
    state: 'kept',
    source_type: 'volume',
    destination_type: 'volume',
    volume_id: volume,
    snapshot_id: null,
    image_id: null,
    volume_size: 1,
    volume_type: null,
    boot_index: -1,
    delete_on_termination: 0,
    device_name: `/dev/vd${String.fromCharCode(98 + n)}`,
    tag: null,
    disk_bus: null,
    device_type: 'disk',
    guest_format: null,
    made: 0,
    multiattach: 0,
    attachment_id: attachment.id,
    connection_json: null,
    created_at: NOW,
    updated_at: null,
  };
  await world.compute.kysely.insertInto('block_devices').values(row).execute();
}

async function growFirstServer(world: ListWorld, n: number, group: string): Promise<void> {
  const { ids } = world;
  const first = String(ids['server']);
  const put = async (path: string, body?: unknown): Promise<void> => {
    await world.ok('compute', 'PUT', `/v2.1/servers/${first}/${path}`, body === undefined ? {} : { body });
  };
  await put(`metadata/more-${n}`, { meta: { [`more-${n}`]: 'v' } });
  await put(`tags/more-${n}`);
  if (n > 0) {
    const { network } = world.ids;
    await attachPort(world, n, first, String(network), group);
    const { volume } = await world.ok('volume', 'POST', '/v3/volumes', {
      body: { volume: { size: 1, name: `more-${n}` } },
    });
    await untilStatus(world.volume, `/v3/volumes/${volume.id}`, 'available');
    await attachVolume(world, n, first, volume.id);
  }
  await world.ok('compute', 'POST', `/v2.1/servers/${first}/action`, { body: { lock: null } });
  await world.ok('compute', 'POST', `/v2.1/servers/${first}/action`, { body: { unlock: null } });
  const actions = (await world.ok('compute', 'GET', `/v2.1/servers/${first}/os-instance-actions`))
    .instanceActions;
  ids['request'] ??= actions.at(-1).request_id;
}
