// Row type of server groups. Part of `ComputeTables` (../tables.ts).

export interface ServerGroupRow {
  id: string;
  name: string;
  project_id: string;
  user_id: string;
  policy: 'affinity' | 'anti-affinity' | 'soft-affinity' | 'soft-anti-affinity';
  rules_json: string;
  created_at: string;
}
