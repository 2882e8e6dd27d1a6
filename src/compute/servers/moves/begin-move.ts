// How resizes and migrations begin: in one transaction the task, the action, the migration's row and the message to the
// scheduler, which claims the destination before anything happens to the server.
import { rpcClient } from '#platform/bus/bus.ts';
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps, ComputeExecutor } from '#compute/deps.ts';
import { SCHEDULER_QUEUE, type DestinationMessage, type MoveRef, type SchedulerRpc } from '#compute/rpc.ts';
import { insertMigration } from '#compute/server-migrations/store.ts';
import type { FlavorSnapshot, InstanceRow } from '#compute/tables.ts';
import type { MigrationRow } from '#compute/server-migrations/tables.ts';
import { commitAction } from '../begin-action.ts';

export interface MoveStart {
  readonly action: 'resize' | 'migrate' | 'live-migration';
  readonly rule: string;
  /** Absent: the one that it has. */
  readonly flavor?: FlavorSnapshot;
  readonly diskConfig?: 'AUTO' | 'MANUAL' | undefined;
  readonly exclude: readonly string[];
  readonly requestedHost: string | null;
  /** It runs on meanwhile. */
  readonly live?: { readonly blockMigration: boolean | null; readonly forced: boolean };
  /** In the same transaction. */
  readonly also?: (trx: ComputeExecutor) => Promise<void>;
}

/** A row for `server`, which somebody wants to move. */
export function newMigration(
  call: Call,
  { clock }: Pick<ComputeDeps, 'clock'>,
  server: InstanceRow,
  rest: Pick<MigrationRow, 'migration_type' | 'status' | 'new_flavor_json' | 'disk_config' | 'forced'>,
): Omit<MigrationRow, 'id'> {
  return {
    ...rest,
    uuid: crypto.randomUUID(),
    instance_id: server.id,
    project_id: call.principal.projectId ?? '',
    user_id: call.principal.userId,
    source_compute: server.host ?? '',
    source_node: server.node ?? '',
    source_zone: server.availability_zone,
    dest_compute: null,
    dest_node: null,
    dest_host: null,
    dest_zone: null,
    old_flavor_json: server.flavor_json,
    old_vm_state: server.vm_state,
    memory_total: null,
    memory_processed: null,
    memory_remaining: null,
    disk_total: null,
    disk_processed: null,
    disk_remaining: null,
    created_at: new Date(clock.now()).toISOString(),
    updated_at: null,
  };
}

/** @param row what `admitAction` gave. @throws ChangedMeanwhile */
export async function beginMove(
  call: Call,
  deps: ComputeDeps,
  row: InstanceRow,
  start: MoveStart,
  handledAt: number,
): Promise<MoveRef> {
  const { action, rule, flavor, exclude, requestedHost, live } = start;
  const migration = newMigration(call, deps, row, {
    migration_type: live ? 'live-migration' : flavor ? 'resize' : 'migration',
    status: live ? 'accepted' : 'pre-migrating',
    new_flavor_json: flavor ? JSON.stringify(flavor) : row.flavor_json,
    disk_config: start.diskConfig ?? row.disk_config,
    forced: live?.forced ? 1 : 0,
  });
  const next = (move: MoveRef): DestinationMessage['next'] =>
    live
      ? {
          on: row.host,
          method: 'liveMigrateServer',
          args: { ...move, block_migration: live.blockMigration },
        }
      : { on: row.host, method: 'moveServer', args: { ...move } };
  const ref = await commitAction(
    call,
    deps,
    row,
    {
      action,
      rule,
      from: {},
      task: live ? 'migrating' : 'resize_prep',
      changes: { progress: 0, fault_json: null },
      deadlineMs: deps.config.moveDeadlineMs,
      also: async (trx) => {
        await start.also?.(trx);
        await insertMigration(trx, migration);
      },
      message: (_agent, ref) => {
        const move: MoveRef = { ...ref, migration_uuid: migration.uuid };
        return rpcClient<SchedulerRpc>(deps.bus, SCHEDULER_QUEUE).message('selectDestination', {
          ...ref,
          attempt: 1,
          exclude,
          requested_host: requestedHost,
          migration_uuid: migration.uuid,
          next: next(move),
        });
      },
    },
    handledAt,
  );
  return { ...ref, migration_uuid: migration.uuid };
}
