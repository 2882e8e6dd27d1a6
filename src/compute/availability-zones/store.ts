// Which zone each host is in: its aggregates say.
import type { ComputeExecutor } from '#compute/deps.ts';

/** Host → zone, for hosts with an aggregate that names one. */
export async function listZonesByHost(db: ComputeExecutor): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('aggregate_hosts')
    .innerJoin('aggregates', 'aggregates.id', 'aggregate_hosts.aggregate_id')
    .select(['aggregate_hosts.host', 'aggregates.metadata_json'])
    .orderBy('aggregates.id', 'desc')
    .execute();
  return new Map(
    rows.flatMap((row) => {
      const zone = (JSON.parse(row.metadata_json) as Record<string, string>)['availability_zone'];
      return zone === undefined ? [] : [[row.host, zone]];
    }),
  );
}
