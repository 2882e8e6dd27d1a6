// `POST /os-server-external-events`: what other services tell of servers. A volume that has grown and a port that is gone are
// acted upon; of ports the network service tells in another way too, and nothing here waits for the other events.
import { Type, type TSchema } from 'typebox';
import { rpcClient, type Message, type RpcClient } from '#platform/bus/bus.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { findVolumeDevice } from '../block-devices/store.ts';
import type { ComputeDeps, ComputeRoute } from '../deps.ts';
import { agentQueue, type ActionRef, type AgentRpc } from '../rpc.ts';
import { strict, uuidSchema } from '../schema-types.ts';
import { recordAction, sendWith } from '../servers/action-record.ts';
import { findInstance } from '../servers/store.ts';
import { vifsOf } from '../servers/view.ts';
import type { InstanceRow } from '../tables.ts';

const RULE = 'os_compute_api:os-server-external-events:create';

export const externalEventPolicies: readonly PolicyRule[] = [
  {
    name: RULE,
    check: 'rule:context_is_admin or role:service',
    description: 'Tell of events of servers in other services.',
    scopes: ['project'],
  },
];

const PORTS = ['network-changed', 'network-vif-plugged', 'network-vif-unplugged', 'network-vif-deleted'];
const EVENTS_MAX = 1000;

function bodyOf(names: readonly string[]): TSchema {
  const event = Type.Object(
    {
      name: Type.Union(names.map((name) => Type.Literal(name))),
      server_uuid: uuidSchema,
      status: Type.Optional(
        Type.Union(['failed', 'completed', 'in-progress'].map((status) => Type.Literal(status))),
      ),
      tag: Type.Optional(Type.String({ maxLength: 255 })),
    },
    strict,
  );
  return Type.Object({ events: Type.Array(event, { minItems: 1, maxItems: EVENTS_MAX }) }, strict);
}

interface ExternalEvent {
  readonly name: string;
  readonly server_uuid: string;
  readonly status?: string;
  readonly tag?: string;
}

type Answered = ExternalEvent & { readonly status: string; readonly code: number };

/** What an event must name in its tag. */
const TAGGED: ReadonlySet<string> = new Set(['volume-extended', 'power-update', 'accelerator-request-bound']);
const DETACHABLE: readonly string[] = ['active', 'paused', 'stopped'];

/** 200, or 207 when servers are not there, have no host, or an event does not say what it is about. */
async function tellOfEvents(call: Call, deps: ComputeDeps): Promise<Reply> {
  const handledAt = deps.clock.now();
  const { events } = call.body as { readonly events: readonly ExternalEvent[] };
  const answered: Answered[] = [];
  for (const event of events) answered.push(await take(call, deps, event, handledAt));
  return new Reply(answered.every((event) => event.code === 200) ? 200 : 207, { events: answered });
}

async function take(
  call: Call,
  deps: ComputeDeps,
  event: ExternalEvent,
  handledAt: number,
): Promise<Answered> {
  const row = await findInstance(deps.db.kysely, event.server_uuid);
  if (!row) return { ...event, status: 'failed', code: 404 };
  if (row.host === null) return { ...event, status: 'failed', code: 422 };
  if (TAGGED.has(event.name) && event.tag === undefined) return { ...event, status: 'failed', code: 400 };
  await followUp(call, deps, { event, row, host: row.host, handledAt });
  return { ...event, status: 'completed', code: 200 };
}

interface Followed {
  readonly event: ExternalEvent;
  readonly row: InstanceRow;
  readonly host: string;
  readonly handledAt: number;
}

/** What an event leads to. Of the others the launch and the loops learn by themselves, or nothing here waits for them. */
async function followUp(call: Call, deps: ComputeDeps, followed: Followed): Promise<void> {
  const { event, row } = followed;
  const tag = event.tag ?? '';
  switch (event.name) {
    case 'volume-extended': {
      const device = await findVolumeDevice(deps.db.kysely, row.id, tag);
      if (device)
        await send(call, deps, followed, 'extend_volume', (agent, ref) =>
          agent.message('extendVolume', { ...ref, device_id: device.id, volume_id: tag }),
        );
      return;
    }
    case 'network-vif-deleted':
      // A server that is in the midst of something reads its ports anew at the end of it.
      if (
        row.task_state === null &&
        DETACHABLE.includes(row.vm_state) &&
        vifsOf(row).some((vif) => vif.port_id === tag)
      )
        await send(call, deps, followed, 'detach_interface', (agent, ref) =>
          agent.message('detachInterface', { ...ref, port_id: tag, keep_port: true }),
        );
      return;
    case 'power-update':
      await notePower(call, deps, followed, tag);
  }
}

/** Who powers bare metal is told of here; a guest of a hypervisor is as the hypervisor says. Only a record is made, as upstream. */
async function notePower(
  call: Call,
  deps: ComputeDeps,
  { row, host, handledAt }: Followed,
  target: string,
): Promise<void> {
  if (target !== 'POWER_ON' && target !== 'POWER_OFF') return;
  await recordAction(deps.db.kysely, call, deps, {
    instanceId: row.id,
    action: target === 'POWER_ON' ? 'start' : 'stop',
    host,
    deadlineMs: deps.config.actionDeadlineMs,
    rule: RULE,
    handledAt,
    done: true,
  });
}

/** Records the action and has the server's host carry it out. */
async function send(
  call: Call,
  deps: ComputeDeps,
  { row, host, handledAt }: Followed,
  action: string,
  message: (agent: Pick<RpcClient<AgentRpc>, 'message'>, ref: ActionRef) => Message,
): Promise<void> {
  await deps.db.transaction(async (trx) => {
    const ref = await recordAction(trx, call, deps, {
      instanceId: row.id,
      action,
      host,
      deadlineMs: deps.config.actionDeadlineMs,
      rule: RULE,
      handledAt,
    });
    await sendWith(trx, message(rpcClient<AgentRpc>(deps.bus, agentQueue(host)), ref));
  });
}

export const externalEventRoutes: readonly ComputeRoute[] = [
  {
    method: 'POST',
    path: '/v2.1/os-server-external-events',
    handler: tellOfEvents,
    policy: RULE,
    body: [
      { schema: bodyOf(PORTS) },
      { since: '2.51', schema: bodyOf([...PORTS, 'volume-extended']) },
      { since: '2.76', schema: bodyOf([...PORTS, 'volume-extended', 'power-update']) },
      {
        since: '2.82',
        schema: bodyOf([...PORTS, 'volume-extended', 'power-update', 'accelerator-request-bound']),
      },
      {
        since: '2.93',
        schema: bodyOf([
          ...PORTS,
          'volume-extended',
          'power-update',
          'accelerator-request-bound',
          'volume-reimaged',
        ]),
      },
    ],
  },
];
