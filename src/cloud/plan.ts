/** The bring-up of the ground as data: which steps, in which order. Each is in steps/; run-plan.ts runs them. */
import type { GroundPlan, PlannedHost } from './ground-context.ts';
import type { GroundOptions } from './ground-options.ts';
import { cephDisk, cephFiles, cephMonitor, cephPools, cephStore } from './steps/ceph-cluster.ts';
import { cephExisting } from './steps/ceph-existing.ts';
import { cephCable, cephNamespace } from './steps/ceph-namespace.ts';
import { hostController } from './steps/host-controller.ts';
import { hostLibvirt } from './steps/host-libvirt.ts';
import { hostNamespace } from './steps/host-namespace.ts';
import { hostSwitch } from './steps/host-switch.ts';
import { leftovers } from './steps/leftovers.ts';
import { machineKvm } from './steps/machine-kvm.ts';
import { machineNetwork } from './steps/machine-network.ts';
import { ovnDatabases } from './steps/ovn-databases.ts';
import { ovnNorthd } from './steps/ovn-northd.ts';
import { packages } from './steps/packages.ts';
import { provider } from './steps/provider.ts';
import { storageDaemon } from './steps/storage-daemon.ts';
import { switchNamespace } from './steps/switch-namespace.ts';
import { systemHypervisor } from './steps/system-hypervisor.ts';
import { systemNetwork } from './steps/system-network.ts';

export function groundPlan(options: GroundOptions, hosts: readonly PlannedHost[]): GroundPlan {
  const ownNetwork = options.network !== 'system';
  const ownHypervisor = options.hypervisor === undefined;
  return [
    leftovers,
    packages,
    machineNetwork,
    ...(ownNetwork ? privateNetwork(hosts) : [systemNetwork]),
    ...(options.storage === 'ceph' ? storageCluster(options, hosts) : hosts.map(storageDaemon)),
    ...(ownHypervisor ? hosts.map(hostLibvirt) : [systemHypervisor]),
    machineKvm,
  ];
}

function privateNetwork(hosts: readonly PlannedHost[]): GroundPlan {
  const several = hosts.length > 1;
  return [
    ovnDatabases,
    ...(several ? [switchNamespace] : []),
    ...hosts.map(hostNamespace),
    ...hosts.map(hostSwitch),
    ovnNorthd,
    ...hosts.map(hostController),
    // The machine's cable is laid by the only host's namespace, or ends in the switch that joins several.
    provider(several ? ['switch-namespace'] : hosts.map(({ name }) => `host-namespace-${name}`)),
  ];
}

function storageCluster({ ceph, network }: GroundOptions, hosts: readonly PlannedHost[]): GroundPlan {
  if (ceph) return [cephExisting];
  const cables = network === 'system' ? [] : [cephNamespace, ...hosts.map(cephCable)];
  return [...cables, cephFiles, cephMonitor, cephDisk, cephStore, cephPools];
}
