// Row type of key pairs. Part of `ComputeTables` (../tables.ts).

export interface KeypairRow {
  id: number;
  user_id: string;
  name: string;
  type: 'ssh' | 'x509';
  fingerprint: string;
  public_key: string;
  created_at: string;
}
