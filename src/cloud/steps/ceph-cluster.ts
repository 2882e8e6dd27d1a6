/** A Ceph cluster of one node, private to the cloud: its monitor, its object store on a sparse file, its pools. */
import {
  makeObjectStore,
  makePools,
  startMonitor,
  startObjectStore,
  stopMonitor,
  stopObjectStore,
  type ClusterContext,
} from '#drivers/rbd/private-cluster/daemons.ts';
import { freePort } from '#drivers/rbd/private-cluster/free-port.ts';
import { planPrivateCluster, writeClusterFiles } from '#drivers/rbd/private-cluster/files.ts';
import { cephNetns, need } from '../ground-context.ts';
import type { GroundContext, GroundStep } from '../ground-context.ts';
import { CEPH_ADDRESS, CEPH_PORT } from './ceph-namespace.ts';

const contextOf = (
  { cephCluster, supervisor, data }: GroundContext,
  signal?: AbortSignal,
): ClusterContext => ({
  planned: need(cephCluster, 'ceph-files'),
  supervisor,
  log: (name) => data.log(name),
  signal,
});

export const cephFiles: GroundStep = {
  name: 'ceph-files',
  title: 'Settings of Ceph',
  needs: ['packages', 'leftovers'],
  do: async (context) => {
    const { data, options } = context;
    const ownNetwork = options.network !== 'system';
    context.cephCluster = planPrivateCluster({
      dir: data.make('ceph'),
      netns: ownNetwork ? cephNetns(data) : undefined,
      monitor: ownNetwork
        ? { host: CEPH_ADDRESS, port: CEPH_PORT }
        : { host: '127.0.0.1', port: await freePort() },
    });
    writeClusterFiles(context.cephCluster);
    context.ceph = context.cephCluster.cluster;
  },
};

export const cephMonitor: GroundStep = {
  name: 'ceph-monitor',
  title: 'Monitor of Ceph',
  needs: ['ceph-files', 'ceph-namespace'],
  deadlineMs: 60_000,
  do: async (context, { signal }) => startMonitor(contextOf(context, signal)),
  undo: stopMonitor,
};

export const cephDisk: GroundStep = {
  name: 'ceph-disk',
  title: 'Disk of Ceph',
  needs: ['ceph-files'],
  deadlineMs: 120_000,
  do: async (context, { signal }) => makeObjectStore(contextOf(context, signal)),
  // The file stays: it holds the volumes.
};

export const cephStore: GroundStep = {
  name: 'ceph-store',
  title: 'Object store of Ceph',
  needs: ['ceph-disk', 'ceph-monitor'],
  deadlineMs: 120_000,
  do: async (context, { signal, at }) => {
    at('waiting until it takes part');
    await startObjectStore(contextOf(context, signal));
  },
  undo: stopObjectStore,
};

export const cephPools: GroundStep = {
  name: 'ceph-pools',
  title: 'Pools of Ceph',
  needs: ['ceph-store'],
  deadlineMs: 60_000,
  do: async (context, { signal }) => makePools(contextOf(context, signal)),
  // They stay: they hold the volumes.
};
