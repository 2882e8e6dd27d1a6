// Writes a disk image of this machine into an image of the cluster that is there and large enough. Zeros are not written.
import { runCommand } from '#platform/supervise/run-command.ts';
import type { CephCluster, CephUser } from './access.ts';
import { rbdOptions } from './block-access.ts';
import { RbdError } from './port.ts';

const DEADLINE_MS = 1_800_000;

/** @throws RbdError failed */
export async function convertInto(
  cluster: CephCluster,
  user: CephUser,
  to: { readonly pool: string; readonly image: string },
  from: { readonly path: string; readonly format: 'raw' | 'qcow2' },
): Promise<void> {
  const target = ['--target-image-opts', '-n', '--target-is-zero', '-W'];
  const argv = [
    'qemu-img',
    'convert',
    '-f',
    from.format,
    ...target,
    from.path,
    rbdOptions(cluster, user, to),
  ];
  await runCommand(argv, { deadlineMs: DEADLINE_MS, netns: cluster.netns }).catch((cause: unknown) => {
    throw new RbdError('failed', `an image could not be written to ${to.pool}/${to.image}`, { cause });
  });
}
