// Row type of console tokens. Part of `ComputeTables` (../tables.ts).

export interface ConsoleTokenRow {
  token_hash: string;
  instance_id: string;
  /** novnc, serial */
  kind: string;
  expires_at: string;
}
