// What the servers of each project use of a host.
import type { ComputeExecutor } from '#compute/deps.ts';
import type { FlavorSnapshot } from '#compute/tables.ts';

export interface Use {
  readonly cpu: number;
  readonly memory_mb: number;
  readonly disk_gb: number;
}

export async function listUseByProject(db: ComputeExecutor, host: string): Promise<Map<string, Use>> {
  const rows = await db
    .selectFrom('instances')
    .select(['project_id', 'flavor_json'])
    .where('host', '=', host)
    .where('deleted', '=', 0)
    .orderBy('project_id')
    .execute();
  const uses = new Map<string, Use>();
  for (const { project_id, flavor_json } of rows) {
    const { vcpus, ram, disk, ephemeral } = JSON.parse(flavor_json) as FlavorSnapshot;
    const before = uses.get(project_id) ?? { cpu: 0, memory_mb: 0, disk_gb: 0 };
    uses.set(project_id, {
      cpu: before.cpu + vcpus,
      memory_mb: before.memory_mb + ram,
      disk_gb: before.disk_gb + disk + ephemeral,
    });
  }
  return uses;
}
