// `POST /os-server-external-events`: what other services tell of servers. A volume that has grown is acted upon; of ports the
// network service tells in another way, so their events are taken and nothing follows.
import { Type, type TSchema } from 'typebox';
import { rpcClient } from '#platform/bus/bus.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { findVolumeDevice } from '../block-devices/store.ts';
import type { ComputeDeps, ComputeRoute } from '../deps.ts';
import { InvalidInput } from '../errors.ts';
import { agentQueue, type AgentRpc } from '../rpc.ts';
import { strict, uuidSchema } from '../schema-types.ts';
import { recordAction, sendWith } from '../servers/action-record.ts';
import { findInstance } from '../servers/store.ts';

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

/** 200, or 207 when servers are not there or have no host. */
async function tellOfEvents(call: Call, deps: ComputeDeps): Promise<Reply> {
  const handledAt = deps.clock.now();
  const { events } = call.body as { readonly events: readonly ExternalEvent[] };
  if (events.some((event) => event.name === 'volume-extended' && !event.tag))
    throw new InvalidInput('The event volume-extended names its volume in the tag.');
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
  const done = { ...event, status: event.status ?? 'completed', code: 200 };
  if (event.name !== 'volume-extended' || !atLeast(call.microversion, '2.51')) return done;
  const volume_id = event.tag ?? '';
  const device = await findVolumeDevice(deps.db.kysely, row.id, volume_id);
  if (!device) return { ...event, status: 'failed', code: 404 };
  const { host } = row;
  await deps.db.transaction(async (trx) => {
    const ref = await recordAction(trx, call, deps, {
      instanceId: row.id,
      action: 'extend_volume',
      host,
      deadlineMs: deps.config.actionDeadlineMs,
      rule: RULE,
      handledAt,
    });
    const agent = rpcClient<AgentRpc>(deps.bus, agentQueue(host));
    await sendWith(trx, agent.message('extendVolume', { ...ref, device_id: device.id, volume_id }));
  });
  return done;
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
