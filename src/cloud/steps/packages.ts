/** Installs the Debian packages that are missing; nothing happens, and no time passes, where none is. */
import { DEMO_IMAGE_PACKAGES, HYPERVISOR_PACKAGES, NETWORK_PACKAGES, installMissing } from '../packages.ts';
import type { GroundStep } from '../ground-context.ts';

export const packages: GroundStep = {
  name: 'packages',
  title: 'Packages',
  needs: [],
  deadlineMs: 30 * 60_000,
  do: ({ data }, control) =>
    installMissing(
      [...NETWORK_PACKAGES, ...HYPERVISOR_PACKAGES, ...DEMO_IMAGE_PACKAGES],
      control,
      data.log('packages'),
    ),
};
