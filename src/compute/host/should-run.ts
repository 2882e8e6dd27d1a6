// Whether a server's guest should exist on its host, by its entry. Asked when guests are brought back, ports
// repaired, and consoles opened. Pure.
import { POWER_STATE, type InstanceRow, type VmState } from '../tables.ts';

const RUNS: ReadonlySet<VmState> = new Set(['active', 'paused', 'rescued']);

/** A server that waits for its resize to be confirmed runs if it did so before. */
export const shouldRun = ({
  vm_state,
  power_state,
}: Pick<InstanceRow, 'vm_state' | 'power_state'>): boolean =>
  RUNS.has(vm_state) || (vm_state === 'resized' && power_state === POWER_STATE.running);
