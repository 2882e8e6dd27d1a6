// `unshelve`: a shelved server runs again, on its host if it has not left that, else on one that the scheduler chooses.
import { Type } from 'typebox';
import { rpcClient } from '#platform/bus/bus.ts';
import type { Call, VersionedSchema } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { listZonesByHost } from '#compute/availability-zones/store.ts';
import { listDevices } from '#compute/block-devices/store.ts';
import { destinationOf } from '#compute/conductor/shelve.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { Conflict, InvalidInput } from '#compute/errors.ts';
import { SCHEDULER_QUEUE, type SchedulerRpc } from '#compute/rpc.ts';
import { nameSchema, strict } from '#compute/schema-types.ts';
import type { InstanceRow } from '#compute/tables.ts';
import { admitAction, commitAction } from '../begin-action.ts';
import { tokenOf } from '../create/check-image.ts';
import { findNode, listAggregateZones } from '../store.ts';

export const unshelveBody: readonly VersionedSchema[] = [
  { schema: Type.Object({ unshelve: Type.Unknown() }, strict) },
  {
    since: '2.77',
    schema: Type.Object(
      {
        unshelve: Type.Union([Type.Null(), Type.Object({ availability_zone: nameSchema }, strict)]),
      },
      strict,
    ),
  },
  {
    since: '2.91',
    schema: Type.Object(
      {
        unshelve: Type.Union([
          Type.Null(),
          Type.Object(
            {
              availability_zone: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
              host: Type.Optional(Type.String({ maxLength: 255 })),
            },
            strict,
          ),
        ]),
      },
      strict,
    ),
  },
];

interface Wish {
  /** Null unpins the server from its zone; absent leaves it as it is. */
  readonly availability_zone?: string | null;
  readonly host?: string;
}

const SPEC = {
  action: 'unshelve',
  rule: 'os_compute_api:os-shelve:unshelve',
  from: { vm: ['shelved', 'shelved_offloaded'], host: false },
  task: 'unshelving',
} as const;

export async function unshelveServer(call: Call, deps: ComputeDeps): Promise<void> {
  const handledAt = deps.clock.now();
  const row = await admitAction(call, deps, SPEC);
  if (row.vm_state === 'shelved') {
    if (Object.keys(wishOf(call)).length > 0)
      throw new Conflict(
        `Specifying an availability zone or a host when unshelving server ${row.id} with status "shelved" is not supported, it must be "shelved_offloaded".`,
        'not-offloaded',
      );
    await commitAction(
      call,
      deps,
      row,
      { ...SPEC, message: (agent, ref) => agent.message('startShelvedServer', ref) },
      handledAt,
    );
    return;
  }
  const wish = wishOf(call);
  const zone = await checkZone(deps, row, wish);
  const requested_host = await checkHost(call, deps, row, { wish, zone });
  const user_token = tokenOf(call);
  await commitAction(
    call,
    deps,
    row,
    {
      ...SPEC,
      changes: { requested_zone: zone },
      deadlineMs: deps.config.fillDeadlineMs,
      message: (_agent, ref) =>
        rpcClient<SchedulerRpc>(deps.bus, SCHEDULER_QUEUE).message(
          'selectDestination',
          destinationOf(ref, { attempt: 1, exclude: [], requested_host, user_token }),
        ),
    },
    handledAt,
  );
}

/** Before 2.77 the body says nothing, whatever is in it. */
function wishOf(call: Call): Wish {
  if (!atLeast(call.microversion, '2.77')) return {};
  return (call.body as { readonly unshelve: Wish | null }).unshelve ?? {};
}

/** @returns the zone that the server is bound to from now on @throws InvalidInput, Conflict */
async function checkZone(
  deps: ComputeDeps,
  row: InstanceRow,
  { availability_zone: wanted }: Wish,
): Promise<string | null> {
  if (wanted === undefined) return row.requested_zone;
  if (wanted === null || wanted === '') return null;
  const zones = await listAggregateZones(deps.db.kysely);
  if (wanted !== deps.config.defaultAvailabilityZone && !zones.includes(wanted))
    throw new InvalidInput('The requested availability zone is not available', 'no-such-zone');
  if (deps.config.crossZoneAttach) return wanted;
  for (const { volume_id } of await listDevices(deps.db.kysely, row.id)) {
    const volume =
      volume_id === null ? undefined : await deps.volume.findVolume(await deps.serviceToken(), volume_id);
    if (volume && volume.availability_zone !== wanted)
      throw new Conflict(
        `The specified availability zone does not match the volume ${volume.id} attached to the server. Specified availability zone is ${wanted}. Volume is in ${volume.availability_zone}.`,
      );
  }
  return wanted;
}

/** @throws PolicyDenied, InvalidInput, Conflict */
async function checkHost(
  call: Call,
  deps: ComputeDeps,
  row: InstanceRow,
  { wish, zone }: { readonly wish: Wish; readonly zone: string | null },
): Promise<string | null> {
  const { host } = wish;
  if (host === undefined || host === '') return null;
  call.enforce('os_compute_api:os-shelve:unshelve_to_host', {
    project_id: row.project_id,
    user_id: row.user_id,
  });
  const node = await findNode(deps.db.kysely, { host });
  if (!node) throw new InvalidInput(`Compute host ${host} could not be found.`, 'no-such-host');
  const zones = await listZonesByHost(deps.db.kysely);
  const own = zones.get(host) ?? deps.config.defaultAvailabilityZone;
  if (zone !== null && zone !== own)
    throw new Conflict(`Host "${host}" is not in the availability zone "${zone}".`, 'host-not-in-zone');
  return node.host;
}
