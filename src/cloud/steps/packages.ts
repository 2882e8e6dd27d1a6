/** Installs the Debian packages that are missing; nothing happens, and no time passes, where none is. */
import {
  CEPH_CLUSTER_PACKAGES,
  CEPH_PACKAGES,
  DEMO_IMAGE_PACKAGES,
  HYPERVISOR_PACKAGES,
  NETWORK_PACKAGES,
  installMissing,
} from '../packages.ts';
import type { GroundStep } from '../ground-context.ts';

export const packages: GroundStep = {
  name: 'packages',
  title: 'Packages',
  needs: [],
  deadlineMs: 30 * 60_000,
  do: ({ data, options: { storage, ceph } }, control) =>
    installMissing(
      [
        ...NETWORK_PACKAGES,
        ...HYPERVISOR_PACKAGES,
        ...DEMO_IMAGE_PACKAGES,
        ...(storage === 'ceph' ? CEPH_PACKAGES : []),
        ...(storage === 'ceph' && !ceph ? CEPH_CLUSTER_PACKAGES : []),
      ],
      control,
      data.log('packages'),
    ),
};
