// The extra specs that the field knows, checked from 2.86 on: in a known namespace only known names with values that fit;
// names without a namespace and in others' are let pass. Pure.
import { isCustomName, isStandardClass, isStandardTrait } from '#placement/claim.ts';

interface Known {
  readonly name: RegExp;
  readonly fits: (value: string) => boolean;
  /** What a value must be: `a whole number from 1 on`. */
  readonly wants: string;
}

const any = { fits: () => true, wants: 'any text' };
const format = (pattern: RegExp, wants: string): Omit<Known, 'name'> => ({
  fits: (value) => pattern.test(value),
  wants,
});
const oneOf = (...values: readonly string[]): Omit<Known, 'name'> => ({
  fits: (value) => values.includes(value),
  wants: `one of ${values.join(', ')}`,
});
const boolean = format(/^(t|true|on|y|yes|1|f|false|off|n|no|0)$/i, 'a boolean');
const integer = (least = -Infinity, most = Infinity): Omit<Known, 'name'> => ({
  fits: (value) => /^[+-]?\d{1,15}$/.test(value) && Number(value) >= least && Number(value) <= most,
  wants: `a whole number${least > -Infinity ? ` from ${least}` : ''}${most < Infinity ? ` to ${most}` : ''}`,
});
const cpuSet = format(/^\^?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*$/, 'a set of CPUs');
const known = (name: RegExp, value: Omit<Known, 'name'>): Known => ({ name, ...value });

const HW: readonly Known[] = [
  known(
    /^hw:(boot_menu|cpu_realtime|ephemeral_encryption|hide_hypervisor_id|locked_memory|mem_encryption|pmu|vif_multiqueue_enabled)$/,
    boolean,
  ),
  known(/^hw:((max_)?cpu_(sockets|cores|threads)|numa_nodes|numa_mem\.\d+)$/, integer(1)),
  known(/^hw:(cpu_realtime_mask|cpu_dedicated_mask|numa_cpus\.\d+)$/, cpuSet),
  known(/^hw:cpu_policy$/, oneOf('dedicated', 'shared', 'mixed')),
  known(/^hw:cpu_thread_policy$/, oneOf('prefer', 'isolate', 'require')),
  known(/^hw:emulator_threads_policy$/, oneOf('isolate', 'share')),
  known(/^hw:ephemeral_encryption_format$/, oneOf('plain', 'luks', 'luksv2')),
  known(/^hw:mem_page_size$/, format(/^(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)$/, 'a page size')),
  known(/^hw:pci_numa_affinity_policy$/, oneOf('required', 'preferred', 'legacy', 'socket')),
  known(/^hw:pmem$/, format(/^[a-zA-Z0-9_][a-zA-Z0-9_,]*$/, 'a list of labels')),
  known(/^hw:serial_port_count$/, integer(0)),
  known(/^hw:tpm_model$/, oneOf('tpm-tis', 'tpm-crb')),
  known(/^hw:tpm_version$/, oneOf('1.2', '2.0')),
  known(/^hw:viommu_model$/, oneOf('intel', 'smmuv3', 'virtio', 'auto')),
  known(/^hw:watchdog_action$/, oneOf('none', 'pause', 'poweroff', 'reset', 'disabled')),
  known(/^hw_rng:allowed$/, boolean),
  known(/^hw_rng:rate_(bytes|period)$/, integer(0)),
  known(/^hw_video:ram_max_mb$/, integer(0)),
];

const QUOTA: readonly Known[] = [
  known(/^quota:cpu_(shares|period)$/, integer(0)),
  known(/^quota:cpu_quota$/, integer()),
  known(/^quota:(cpu|memory|disk_io|vif)_(limit|shares_share)$/, integer(0)),
  known(/^quota:(cpu|memory|disk_io|vif)_reservation$/, integer()),
  known(/^quota:(cpu|memory|disk_io|vif)_shares_level$/, oneOf('custom', 'high', 'normal', 'low')),
  known(/^quota:disk_(read|write|total)_(bytes|iops)_sec$/, integer(0)),
  known(/^quota:vif_(in|out)bound_(average|peak|burst)$/, integer(0)),
];

const CAPABILITY =
  'id|uuid|service_id|host|vcpus|memory_mb|local_gb|vcpus_used|memory_mb_used|local_gb_used|hypervisor_type|' +
  'hypervisor_version|hypervisor_hostname|free_ram_mb|free_disk_gb|current_workload|running_vms|' +
  'disk_available_least|host_ip|mapped|cpu_allocation_ratio|ram_allocation_ratio|disk_allocation_ratio|' +
  'total_usable_ram_mb|total_usable_disk_gb|disk_mb_used|free_disk_mb|vcpus_total|num_instances|num_io_ops|' +
  'failed_builds|aggregates|cell_uuid|updated';
const NESTED =
  'cpu_info|metrics|stats|numa_topology|supported_hv_specs|pci_device_pools|nodename|pci_stats|' +
  'supported_instances|limits|instances';

const KNOWN: readonly Known[] = [
  ...HW,
  ...QUOTA,
  known(/^accel:device_profile$/, any),
  known(/^aggregate_instance_extra_specs:.+$/, any),
  known(new RegExp(`^capabilities:(${CAPABILITY}|(${NESTED})(:\\w+)*)$`), any),
  known(/^hide_hypervisor_id$/, boolean),
  known(/^group_policy$/, oneOf('none', 'isolate')),
  known(/^os:secure_boot$/, oneOf('disabled', 'required')),
  known(
    /^os:resolution$/,
    oneOf('1024x768', '1280x1024', '1600x1200', '1920x1200', '2560x1600', '3840x2160'),
  ),
  known(/^os:monitors$/, integer(1, 8)),
  known(/^os:vram$/, oneOf('64', '128', '256', '512', '1024')),
  known(/^pci_passthrough:alias$/, format(/^[^:,]+:\d+(\s*,\s*[^:,]+:\d+)*$/, 'alias:count, …')),
  known(/^vmware:(hw_version|storage_policy)$/, any),
];

const RESOURCE = /^resources([a-zA-Z0-9_-]{0,64}):([A-Z0-9_]+)$/;
const TRAIT = /^trait([a-zA-Z0-9_-]{0,64}):([A-Z0-9_]+)$/;
const NAMESPACES =
  /^(accel|aggregate_instance_extra_specs|capabilities|hw|hw_rng|hw_video|os|pci_passthrough|quota|vmware|resources[a-zA-Z0-9_-]{0,64}|trait[a-zA-Z0-9_-]{0,64}):/;

function find(key: string): Omit<Known, 'name'> | undefined {
  const resource = RESOURCE.exec(key)?.[2];
  if (resource !== undefined && (isCustomName(resource) || isStandardClass(resource))) return integer();
  const trait = TRAIT.exec(key)?.[2];
  if (trait !== undefined && (isCustomName(trait) || isStandardTrait(trait)))
    return oneOf('required', 'forbidden');
  return KNOWN.find(({ name }) => name.test(key));
}

/** Undefined when it is fine. */
export function specProblem(key: string, value: string): string | undefined {
  const spec = find(key);
  if (spec)
    return spec.fits(value)
      ? undefined
      : `Validation failed; '${value}' is not ${spec.wants}, as the extra spec '${key}' wants it.`;
  return NAMESPACES.test(key)
    ? `Validation failed; extra spec '${key}' does not appear to be a valid extra spec.`
    : undefined;
}
