// Row types of host aggregates and their hosts. Part of `ComputeTables` (../tables.ts).

export interface AggregateRow {
  id: number;
  uuid: string;
  name: string;
  /** `availability_zone` is one of its keys, as upstream. */
  metadata_json: string;
  created_at: string;
  updated_at: string | null;
}

export interface AggregateHostRow {
  aggregate_id: number;
  host: string;
}
