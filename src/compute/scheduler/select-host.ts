// Hops `schedule`, `select` and `dispatch` of a launch: from the message of the API to the message for the agent.
// Idempotent: what a crash or a redelivery repeats ends in the same host, or finds that it is done.
import { claimInTransaction, releaseInTransaction } from '#placement/claim.ts';
import { rpcClient, type Delivery } from '#platform/bus/bus.ts';
import type { Transaction } from 'kysely';
import { agentQueue, type AgentRpc, type LaunchMessage, type SchedulerRpc } from '../rpc.ts';
import type { ComputeTables } from '../tables.ts';
import type { HostState, SelectionRequest } from './host-state.ts';
import { groupPolicy, selectionRequest } from './request.ts';
import {
  DEFAULT_SCHEDULER_OPTIONS,
  runSelection,
  type SchedulerDeps,
  type SchedulerOptions,
} from './selection.ts';
import { countGroupMembers, findGroup, writePlaced, writeUnplaced, type Entry } from './store.ts';

type Args = Parameters<SchedulerRpc['selectHost']>[0];

export async function selectHost(
  deps: SchedulerDeps,
  args: Args,
  delivery: Delivery,
  options: SchedulerOptions = DEFAULT_SCHEDULER_OPTIONS,
): Promise<void> {
  const { action_id, instance_id, attempt, user_token } = args;
  const launch: LaunchMessage = { action_id, instance_id, attempt, user_token };
  await runSelection(deps, args, delivery, options, {
    what: 'launch',
    request: async (entry) => requestOf(deps, entry, options, { exclude: args.exclude }),
    place: async (trx, host, request, now) => {
      await claimHost(trx, host, request);
      await writePlaced(trx, args, { host: host.host, node: host.node, zone: host.zone }, now);
    },
    message: (host) => rpcClient<AgentRpc>(deps.bus, agentQueue(host.host)).message('launchServer', launch),
    giveUp: async (trx, fault) => {
      await releaseInTransaction(trx, instance_id);
      await writeUnplaced(trx, args, fault);
    },
  });
}

/** What the entry asks for, with what this choice asks for otherwise. */
export async function requestOf(
  { db, clock }: SchedulerDeps,
  { instance }: Entry,
  { heartbeatTimeoutMs }: SchedulerOptions,
  wishes: Pick<SelectionRequest, 'exclude' | 'excludedAs'>,
): Promise<SelectionRequest> {
  const group = groupPolicy(
    instance.server_group_id === null ? undefined : await findGroup(db.kysely, instance.server_group_id),
  );
  const members = group
    ? await countGroupMembers(db.kysely, group.id, instance.id)
    : new Map<string, number>();
  return selectionRequest(instance, {
    ...wishes,
    group,
    groupHosts: [...members.keys()],
    now: clock.now(),
    heartbeatTimeoutMs,
  });
}

/** The server has what it asks for on the host, in place of what it had anywhere. @throws NoCapacity */
export async function claimHost(
  trx: Transaction<ComputeTables>,
  host: HostState,
  request: SelectionRequest,
): Promise<void> {
  await claimInTransaction(trx, {
    consumerId: request.instanceId,
    projectId: request.projectId,
    userId: request.userId,
    providerId: host.providerId,
    resources: host.candidate.get(host.providerId) ?? {},
    others: new Map([...host.candidate].filter(([id]) => id !== host.providerId)),
  });
}
