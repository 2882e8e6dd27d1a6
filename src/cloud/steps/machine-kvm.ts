/** Finds out by running a guest whether KVM can be used; TCG otherwise. Nothing waits for it but the end. */
import { probeKvm } from '../machine/kvm.ts';
import type { GroundStep } from '../ground-context.ts';

export const machineKvm: GroundStep = {
  name: 'machine-kvm',
  title: 'KVM',
  needs: ['packages'],
  do: async (context, { say }) => {
    context.kvm = await probeKvm();
    if (!context.kvm.works) say(`guests run without KVM: ${context.kvm.why}`);
  },
};
