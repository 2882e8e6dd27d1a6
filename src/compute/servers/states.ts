// The states of a server: what the API calls them, and which action may begin in which. Pure.
import { InvalidState, Locked, NotReady } from '#compute/errors.ts';
import type { InstanceRow, TaskState, VmState } from '#compute/tables.ts';

type StatusTable = Readonly<Partial<Record<TaskState, string>>> & { readonly default: string };

const REBUILDING = { rebuilding: 'REBUILD', rebuild_spawning: 'REBUILD' } as const;
const RESIZING = {
  resize_prep: 'RESIZE',
  resize_migrating: 'RESIZE',
  resize_migrated: 'RESIZE',
  resize_finish: 'RESIZE',
} as const;
const MIGRATING = { migrating: 'MIGRATING' } as const;
const REBOOTING = {
  rebooting: 'REBOOT',
  rebooting_hard: 'HARD_REBOOT',
  reboot_started_hard: 'HARD_REBOOT',
} as const;

const STATUS: Readonly<Record<VmState, StatusTable>> = {
  building: { default: 'BUILD' },
  active: { default: 'ACTIVE', ...REBOOTING, ...REBUILDING, ...RESIZING, ...MIGRATING },
  stopped: { default: 'SHUTOFF', ...REBUILDING, ...RESIZING },
  paused: { default: 'PAUSED', ...MIGRATING },
  suspended: { default: 'SUSPENDED' },
  rescued: { default: 'RESCUE' },
  resized: { default: 'VERIFY_RESIZE', resize_reverting: 'REVERT_RESIZE' },
  shelved: { default: 'SHELVED' },
  shelved_offloaded: { default: 'SHELVED_OFFLOADED' },
  'soft-delete': { default: 'SOFT_DELETED' },
  error: { default: 'ERROR', ...REBUILDING },
  deleted: { default: 'DELETED' },
};

/** The `status` of the API: a summary of both states. */
export function statusOf(vmState: VmState, taskState: TaskState | null): string {
  const table = STATUS[vmState] as StatusTable | undefined;
  if (!table) return 'UNKNOWN';
  return (taskState === null ? undefined : table[taskState]) ?? table.default;
}

export interface StatePattern {
  readonly vm_state: VmState;
  /** `default`: any task but those that have a status of their own, listed in `otherThan`. */
  readonly tasks: readonly TaskState[] | 'default';
  readonly otherThan: readonly TaskState[];
}

/** The states that show as `status`; empty when no server can have it. For the list's filter. */
export function statesOfStatus(status: string): StatePattern[] {
  const wanted = status.toUpperCase();
  return (Object.entries(STATUS) as Array<[VmState, StatusTable]>).flatMap(
    ([vm_state, table]): StatePattern[] => {
      const special = (Object.entries(table) as Array<[TaskState | 'default', string]>).filter(
        ([task]) => task !== 'default',
      ) as Array<[TaskState, string]>;
      const otherThan = special.filter(([, name]) => name !== wanted).map(([task]) => task);
      if (table.default === wanted) return [{ vm_state, tasks: 'default', otherThan }];
      const tasks = special.filter(([, name]) => name === wanted).map(([task]) => task);
      return tasks.length > 0 ? [{ vm_state, tasks, otherThan: [] }] : [];
    },
  );
}

export interface StateRule {
  /** Absent: any. */
  readonly vm?: readonly VmState[];
  /** Absent: only null; `any`: whatever is going on. */
  readonly task?: readonly (TaskState | null)[] | 'any';
  /** The action needs a host that knows the guest. */
  readonly host?: boolean;
}

/** @throws InvalidState naming the action and the state that is in the way; NotReady without a host. */
export function checkState(action: string, row: InstanceRow, rule: StateRule): void {
  if (rule.vm && !rule.vm.includes(row.vm_state))
    throw new InvalidState(action, row.id, 'vm_state', row.vm_state);
  const tasks = rule.task ?? [null];
  if (tasks !== 'any' && !tasks.includes(row.task_state)) {
    throw new InvalidState(action, row.id, 'task_state', String(row.task_state));
  }
  if (rule.host && row.host === null) throw new NotReady(row.id);
}

/** @throws Locked, except for those who may override locks. */
export function checkLock(row: InstanceRow, mayOverride: boolean): void {
  if (row.locked === 1 && !mayOverride) throw new Locked(row.id);
}

/** Server metadata and tags can be changed in these. */
export const SETTLED: readonly VmState[] = ['active', 'paused', 'suspended', 'stopped'];
