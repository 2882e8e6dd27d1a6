/** A Ceph cluster that is there already: its settings and keys are taken over, and its pools tried with each user. */
import { takeOverCluster, tryPools } from '#drivers/rbd/existing-cluster.ts';
import { need } from '../ground-context.ts';
import type { GroundStep } from '../ground-context.ts';

export const cephExisting: GroundStep = {
  name: 'ceph-existing',
  title: 'Ceph cluster',
  needs: ['packages', 'leftovers'],
  deadlineMs: 120_000,
  do: async (context, { say, signal }) => {
    const files = need(context.options.ceph, 'options');
    context.ceph = await takeOverCluster({ dir: context.data.make('ceph'), ...files, signal });
    await tryPools(context.ceph);
    say(`volumes, images and disks are in the Ceph cluster ${context.ceph.fsid}`);
  },
  // Nothing runs: what was written stays for the next start.
};
