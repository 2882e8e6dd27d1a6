// A guest's counters as the API shows them: before 2.48 in libvirt's own names, from then on in names of the API. Pure.
import type { InstanceRow } from '#compute/tables.ts';
import { vifsOf } from '../view.ts';

/** The hypervisor port's counters after JSON; times in nanoseconds since the guest's start. */
export interface GuestCounters {
  readonly state: string;
  readonly vcpus: ReadonlyArray<{ readonly timeNs: number }>;
  readonly memory: { readonly maximumMb: number; readonly residentMb: number };
  readonly interfaces: ReadonlyArray<{
    readonly tapName: string;
    readonly rxBytes: number;
    readonly rxPackets: number;
    readonly rxErrors: number;
    readonly rxDrop: number;
    readonly txBytes: number;
    readonly txPackets: number;
    readonly txErrors: number;
    readonly txDrop: number;
  }>;
  readonly disks: ReadonlyArray<{
    readonly target: string;
    readonly readBytes: number;
    readonly readRequests: number;
    readonly writeBytes: number;
    readonly writeRequests: number;
  }>;
}

type Json = Record<string, unknown>;

/** One flat object, memory in KiB. libvirt does not count errors of disks: -1. */
export function countersView({ vcpus, memory, interfaces, disks }: GuestCounters): Json {
  return Object.fromEntries([
    ...vcpus.map(({ timeNs }, index) => [`cpu${index}_time`, timeNs]),
    ...disks.flatMap((disk) => [
      [`${disk.target}_read`, disk.readBytes],
      [`${disk.target}_read_req`, disk.readRequests],
      [`${disk.target}_write`, disk.writeBytes],
      [`${disk.target}_write_req`, disk.writeRequests],
      [`${disk.target}_errors`, -1],
    ]),
    ...interfaces.flatMap((nic) => [
      [`${nic.tapName}_rx`, nic.rxBytes],
      [`${nic.tapName}_rx_packets`, nic.rxPackets],
      [`${nic.tapName}_rx_errors`, nic.rxErrors],
      [`${nic.tapName}_rx_drop`, nic.rxDrop],
      [`${nic.tapName}_tx`, nic.txBytes],
      [`${nic.tapName}_tx_packets`, nic.txPackets],
      [`${nic.tapName}_tx_errors`, nic.txErrors],
      [`${nic.tapName}_tx_drop`, nic.txDrop],
    ]),
    ['memory', memory.maximumMb * 1024],
    ['memory-rss', memory.residentMb * 1024],
  ]) as Json;
}

const STATES: Readonly<Record<string, string>> = {
  running: 'running',
  paused: 'paused',
  suspended: 'suspended',
  crashed: 'crashed',
  'shutting-down': 'shutdown',
};

/** From 2.48 on; null for what the hypervisor does not tell. Memory in MiB, `uptime` in seconds. */
export function diagnosticsView(
  counters: GuestCounters,
  row: InstanceRow,
  context: { readonly hypervisor: string | null; readonly now: number },
): Json {
  const macs = new Map(vifsOf(row).map((vif) => [vif.devname, vif.mac]));
  const { vcpus, interfaces, disks, memory } = counters;
  return {
    state: STATES[counters.state] ?? 'pending',
    driver: 'libvirt',
    hypervisor: context.hypervisor,
    hypervisor_os: 'linux',
    uptime: row.launched_at === null ? null : Math.floor((context.now - Date.parse(row.launched_at)) / 1000),
    config_drive: row.config_drive === 1,
    num_cpus: vcpus.length,
    num_nics: interfaces.length,
    num_disks: disks.length,
    disk_details: disks.map((disk) => ({
      read_bytes: disk.readBytes,
      read_requests: disk.readRequests,
      write_bytes: disk.writeBytes,
      write_requests: disk.writeRequests,
      errors_count: null,
    })),
    cpu_details: vcpus.map(({ timeNs }, id) => ({ id, time: timeNs, utilisation: null })),
    nic_details: interfaces.map((nic) => ({
      mac_address: macs.get(nic.tapName) ?? null,
      rx_octets: nic.rxBytes,
      rx_errors: nic.rxErrors,
      rx_drop: nic.rxDrop,
      rx_packets: nic.rxPackets,
      rx_rate: null,
      tx_octets: nic.txBytes,
      tx_errors: nic.txErrors,
      tx_drop: nic.txDrop,
      tx_packets: nic.txPackets,
      tx_rate: null,
    })),
    memory_details: { maximum: memory.maximumMb, used: memory.residentMb },
  };
}
