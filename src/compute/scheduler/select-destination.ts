// Hops `schedule`, `select` and `dispatch` for a server that exists: it moves, or comes back to a host. What it held so far
// is held by the move's own consumer from the choice on, so that both ends are taken until the move is over.
import { endHoldInTransaction, holdInTransaction, type Hold } from '#placement/claim.ts';
import { rpcClient, type Delivery } from '#platform/bus/bus.ts';
import { isoTime } from '#platform/context/clock.ts';
import { endAction, findInstance, updateInstance } from '../conductor/store.ts';
import {
  agentQueue,
  liveMigrationsQueue,
  type AgentRpc,
  type Destination,
  type DestinationMessage,
  type LiveMigrationsRpc,
} from '../rpc.ts';
import { findMigration, updateMigration } from '../server-migrations/store.ts';
import type { ComputeTables, Fault, InstanceRow } from '../tables.ts';
import type { ComputeExecutor } from '../deps.ts';
import type { Transaction } from 'kysely';
import type { HostState } from './host-state.ts';
import { claimHost, requestOf } from './select-host.ts';
import { runSelection, type SchedulerDeps, type SchedulerOptions } from './selection.ts';
import { writeAttempt } from './store.ts';

export async function selectDestination(
  deps: SchedulerDeps,
  args: DestinationMessage,
  delivery: Delivery,
  options: SchedulerOptions,
): Promise<void> {
  const { migration_uuid: uuid, instance_id, next } = args;
  await runSelection(deps, args, delivery, options, {
    what: uuid === null ? 'unshelve' : 'move',
    request: async ({ instance, action }) => {
      const migration = uuid === null ? undefined : await findMigration(deps.db.kysely, uuid);
      const flavor_json = migration?.new_flavor_json ?? instance.flavor_json;
      const moved = { ...instance, flavor_json, requested_host: args.requested_host };
      const excluded = { exclude: args.exclude, excludedAs: 'not to be used for this' };
      return requestOf(deps, { instance: moved, action }, options, excluded);
    },
    place: async (trx, host, request, now) => {
      if (uuid !== null) {
        const { projectId: project_id, userId: user_id } = request;
        await holdInTransaction(trx, holdOf({ id: instance_id, project_id, user_id }, uuid, 'MIGRATION'));
      }
      await claimHost(trx, host, request);
      await writeDestination(trx, args, host, now);
    },
    message: (host) => {
      const on = next.on ?? host.host;
      const queue = next.method === 'liveMigrateServer' ? liveMigrationsQueue(on) : agentQueue(on);
      const agent = rpcClient<AgentRpc & LiveMigrationsRpc>(deps.bus, queue);
      // The method takes a destination (`DestinationMethod`); that the rest fits is up to who asked.
      const { attempt, exclude, requested_host } = args;
      const tried = { attempt, exclude, requested_host };
      const payload = { ...next.args, destination: destinationOf(host), tried } as never;
      return agent.message(next.method, payload);
    },
    giveUp: async (trx, fault) => writeNoDestination(trx, args, fault, isoTime(deps.clock)),
  });
}

const destinationOf = ({ host, node, zone }: HostState): Destination => ({ host, node, zone });

/** Which of the server and its move the resources pass to; `type` is that one's. */
const holdOf = (
  { id, project_id, user_id }: Pick<InstanceRow, 'id' | 'project_id' | 'user_id'>,
  uuid: string,
  type: 'MIGRATION' | 'INSTANCE',
): Hold => ({ from: id, to: uuid, type, projectId: project_id, userId: user_id });

async function writeDestination(
  trx: ComputeExecutor,
  { migration_uuid: uuid, action_id, instance_id, attempt, next }: DestinationMessage,
  host: HostState,
  now: string,
): Promise<void> {
  if (uuid === null) {
    const { host: name, node, zone } = host;
    await updateInstance(trx, instance_id, { host: name, node, availability_zone: zone }, now);
  } else {
    const chosen = {
      dest_compute: host.host,
      dest_node: host.node,
      dest_host: host.report.host_ip,
      dest_zone: host.zone,
      ...(next.method === 'liveMigrateServer' ? { status: 'queued' as const } : {}),
    };
    await updateMigration(trx, uuid, chosen, now);
  }
  await writeAttempt(trx, action_id, { attempt, ...(uuid === null ? { host: host.host } : {}) });
}

/** The server stays what and where it is, with the reason. */
async function writeNoDestination(
  trx: Transaction<ComputeTables>,
  { migration_uuid: uuid, action_id, instance_id }: DestinationMessage,
  fault: Fault,
  now: string,
): Promise<void> {
  await endAction(trx, action_id, 'failed', now, 'Error', fault.message);
  const entry = await findInstance(trx, instance_id);
  if (entry)
    await updateInstance(
      trx,
      instance_id,
      {
        fault_json: JSON.stringify(fault),
        ...(entry.task_state === 'deleting' ? {} : { task_state: null }),
      },
      now,
    );
  if (uuid === null) return;
  if (entry) await endHoldInTransaction(trx, holdOf(entry, uuid, 'INSTANCE'));
  await updateMigration(trx, uuid, { status: 'error' }, now);
}
