// Row type of compute services. Part of `ComputeTables` (../tables.ts).

export interface ComputeServiceRow {
  id: string;
  host: string;
  binary: string;
  disabled: number;
  disabled_reason: string | null;
  forced_down: number;
  last_seen_at: string;
  created_at: string;
  updated_at: string | null;
}
