// Row type of hypervisors. Part of `ComputeTables` (../tables.ts).

export interface ComputeNodeRow {
  /** Also the id of the node's resource provider. */
  id: string;
  host: string;
  hypervisor_hostname: string;
  hypervisor_type: string;
  hypervisor_version: number;
  host_ip: string;
  vcpus: number;
  memory_mb: number;
  local_gb: number;
  /** architectures, traits, accel, cpu model …: `HostReport` of rpc.ts */
  report_json: string;
  created_at: string;
  updated_at: string;
}
