// The extra specs that have a meaning, checked from 2.86 on: namespaces of others are let pass. Pure.

const AMOUNT = /^\d{1,9}$/;
const BOOLEAN = /^(true|false|1|0|yes|no|on|off|t|f|y|n)$/i;

const KNOWN: ReadonlyArray<readonly [key: RegExp, value: RegExp, wants: string]> = [
  [/^resources\d*:(CUSTOM_)?[A-Z0-9_]+$/, AMOUNT, 'a whole number'],
  [/^resources[a-zA-Z0-9_-]*:(CUSTOM_)?[A-Z0-9_]+$/, AMOUNT, 'a whole number'],
  [/^trait[a-zA-Z0-9_-]*:[A-Z0-9_]+$/, /^(required|forbidden)$/, 'required or forbidden'],
  [/^group_policy$/, /^(none|isolate)$/, 'none or isolate'],
  [/^hw:cpu_policy$/, /^(dedicated|shared|mixed)$/, 'dedicated, shared or mixed'],
  [/^hw:cpu_thread_policy$/, /^(prefer|isolate|require)$/, 'prefer, isolate or require'],
  [
    /^hw:(cpu_sockets|cpu_cores|cpu_threads|cpu_max_sockets|cpu_max_cores|cpu_max_threads|numa_nodes)$/,
    /^[1-9]\d{0,4}$/,
    'a number above 0',
  ],
  [/^hw:(boot_menu|hide_hypervisor_id|mem_encryption|vif_multiqueue_enabled|pmem)$/, BOOLEAN, 'a boolean'],
  [
    /^hw:watchdog_action$/,
    /^(none|pause|poweroff|reset|disabled)$/,
    'none, pause, poweroff, reset or disabled',
  ],
  [/^hw_rng:allowed$/, BOOLEAN, 'a boolean'],
  [/^hw_rng:(rate_bytes|rate_period)$/, AMOUNT, 'a whole number'],
  [
    /^quota:(cpu_shares|cpu_period|cpu_quota|disk_(read|write|total)_(bytes|iops)_sec|vif_(in|out)bound_(average|peak|burst))$/,
    AMOUNT,
    'a whole number',
  ],
];

const OWNED = /^(resources|trait|hw|hw_rng|hw_video|quota|os|pci_passthrough|powervm|vmware|accel)[\w-]*:/;
const LOOSE = /^(hw|hw_video|quota|os|pci_passthrough|powervm|vmware|accel|hw_rng):/;

/** Undefined when it is fine. */
export function specProblem(key: string, value: string): string | undefined {
  const known = KNOWN.find(([pattern]) => pattern.test(key));
  if (known)
    return known[1].test(value)
      ? undefined
      : `Validation failed; '${value}' is not ${known[2]} for extra spec '${key}'.`;
  if (OWNED.test(key) && !LOOSE.test(key))
    return `Validation failed; extra spec '${key}' does not appear to be a valid extra spec.`;
  return undefined;
}
