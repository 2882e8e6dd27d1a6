// Row types of flavors and of who may use them. Part of `ComputeTables` (../tables.ts).

export interface FlavorRow {
  /** Internal order for listing. */
  id: number;
  flavor_id: string;
  name: string;
  description: string | null;
  vcpus: number;
  ram: number;
  disk: number;
  ephemeral: number;
  swap: number;
  rxtx_factor: number;
  is_public: number;
  disabled: number;
  extra_specs_json: string;
  created_at: string;
}

export interface FlavorAccessRow {
  flavor_id: string;
  project_id: string;
}
