/**
 * The storage network of a cloud with a Ceph cluster of its own: a namespace for the cluster, with a bridge that each
 * host's namespace is cabled to. Nothing of it is seen from outside, so that two clouds can have the same addresses.
 */
import { runCommand } from '#platform/supervise/run-command.ts';
import { cephNetns, ip } from '../ground-context.ts';
import type { GroundStep, PlannedHost } from '../ground-context.ts';

/** Of the monitor; hosts have theirs from .1 on. Guests' networks never meet it. */
export const CEPH_ADDRESS = '10.98.0.254';
export const CEPH_PORT = 3300;

export const cephNamespace: GroundStep = {
  name: 'ceph-namespace',
  title: 'Network of the storage cluster',
  needs: ['machine-network', 'leftovers'],
  do: async ({ data }, { signal }) => {
    const netns = cephNetns(data);
    await runCommand(['ip', 'netns', 'add', netns], { signal });
    const bridge = ['link add storage type bridge', `addr add ${CEPH_ADDRESS}/24 dev storage`];
    await ip(netns, ['link set lo up', ...bridge, 'link set storage up'], signal);
  },
  undo: async ({ data }) => {
    await runCommand(['ip', 'netns', 'delete', cephNetns(data)], { okCodes: [0, 1] });
  },
};

/** Guests' disks are read by QEMU, in the host's namespace. */
export const cephCable = (host: PlannedHost): GroundStep => ({
  name: `ceph-cable-${host.name}`,
  title: `Storage network of ${host.name}`,
  needs: ['ceph-namespace', `host-namespace-${host.name}`],
  do: async ({ data }, { signal }) => {
    const cable = `link add stor-${host.name} type veth peer name stor0 netns ${host.netns}`;
    await ip(cephNetns(data), [cable, `link set stor-${host.name} master storage up`], signal);
    await ip(host.netns, [`addr add 10.98.0.${host.index}/24 dev stor0`, 'link set stor0 up'], signal);
  },
  // Both ends go with the namespaces.
});
