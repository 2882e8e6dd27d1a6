// Reads compute nodes with what their servers use, in a constant number of statements.
import type { ComputeExecutor } from '#compute/deps.ts';
import { listServices, type NumberedService } from '#compute/services/store.ts';
import type { FlavorSnapshot } from '#compute/tables.ts';
import type { ComputeNodeRow } from './tables.ts';

export interface NodeUse {
  servers: number;
  vcpus: number;
  memoryMb: number;
  diskGb: number;
  /** Servers that something is being done with. */
  busy: number;
}

export interface Hypervisor {
  readonly node: ComputeNodeRow;
  /** What versions before 2.53 know it by: its place in the order of creation. */
  readonly number: number;
  readonly service: NumberedService | undefined;
  readonly use: NodeUse;
  readonly servers: ReadonlyArray<{ readonly id: string; readonly name: string }>;
}

export async function listHypervisors(db: ComputeExecutor): Promise<Hypervisor[]> {
  const nodes = await db
    .selectFrom('compute_nodes')
    .selectAll()
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  const services = await listServices(db);
  const servers = await db
    .selectFrom('instances')
    .select(['id', 'name', 'host', 'node', 'flavor_json', 'task_state'])
    .where('deleted', '=', 0)
    .where('host', 'is not', null)
    .orderBy('created_at')
    .execute();
  const byNode = Map.groupBy(servers, (row) => `${row.host}/${row.node}`);
  return nodes.map((node, i) => {
    const own = byNode.get(`${node.host}/${node.hypervisor_hostname}`) ?? [];
    return {
      node,
      number: i + 1,
      service: services.find((each) => each.host === node.host && each.binary === 'nova-compute'),
      use: own.reduce(addUse, { servers: 0, vcpus: 0, memoryMb: 0, diskGb: 0, busy: 0 }),
      servers: own.map(({ id, name }) => ({ id, name })),
    };
  });
}

function addUse(
  use: NodeUse,
  row: { readonly flavor_json: string; readonly task_state: string | null },
): NodeUse {
  const flavor = JSON.parse(row.flavor_json) as FlavorSnapshot;
  return {
    servers: use.servers + 1,
    vcpus: use.vcpus + flavor.vcpus,
    memoryMb: use.memoryMb + flavor.ram,
    diskGb: use.diskGb + flavor.disk + flavor.ephemeral,
    busy: use.busy + (row.task_state === null ? 0 : 1),
  };
}
