// The actions that came before the attachments API, over the same rows: os-reserve, os-attach, os-initialize_connection …
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { connectAttachment, type GivenConnector } from '#volume/attachments/connect.ts';
import { endExport, release, reserve } from '#volume/attachments/reserve.ts';
import { seesConnections } from '#volume/attachments/sight.ts';
import { listOfVolume, updateAttachment } from '#volume/attachments/store.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { AttachmentNotFound, InvalidInput, InvalidVolume } from '#volume/errors.ts';
import type { AttachmentRow, VolumeRow } from '#volume/tables.ts';
import { assertStatus } from '../begin.ts';
import { findVolume } from '../find.ts';
import { findWholeVolume } from '../store.ts';

const ACTIONS = 'volume_extension:volume_actions';

function bodyOf<T>(call: Call): T {
  return Object.values(call.body as Record<string, T>)[0]!; // one key, which chose the action
}

const reservation = (call: Call, volume: VolumeRow) => ({
  instanceId: null,
  mode: undefined,
  projectId: volume.project_id,
  mayMultiattachBootable: call.allows('volume:multiattach_bootable_volume', {
    project_id: volume.project_id,
  }),
});

export async function reserveVolume(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, `${ACTIONS}:reserve`);
  await deps.db.transaction(async (trx) => {
    const made = await reserve(trx, deps, volume.id, reservation(call, volume));
    await setStatus(trx, deps, [made], 'attaching'); // these actions know no `reserved`
  });
}

export async function unreserveVolume(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, `${ACTIONS}:unreserve`);
  await deps.db.transaction(async (trx) => {
    const reserved = (await listOfVolume(trx, volume.id)).filter(
      ({ status, connector_json: connector }) =>
        status === 'reserved' || (status === 'attaching' && connector === null),
    );
    for (const each of reserved) await release(trx, deps, each);
  });
}

export async function beginDetaching(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, `${ACTIONS}:begin_detaching`);
  await deps.db.transaction(async (trx) => {
    const whole = await findWholeVolume(trx, volume.id);
    if (!whole) throw new InvalidVolume(`volume ${volume.id} is gone.`);
    assertStatus(whole, ['in-use'], 'detach');
    const attached = whole.attachments.filter(({ status }) => status === 'attached');
    // Of several nobody says which one is meant: the volume stays in use by the others.
    if (attached.length === 1) await setStatus(trx, deps, attached, 'detaching');
  });
}

export async function rollDetaching(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, `${ACTIONS}:roll_detaching`);
  await deps.db.transaction(async (trx) => {
    const detaching = (await listOfVolume(trx, volume.id)).filter(({ status }) => status === 'detaching');
    await setStatus(trx, deps, detaching, 'attached');
  });
}

async function setStatus(
  trx: Parameters<typeof updateAttachment>[0],
  { clock }: VolumeDeps,
  attachments: readonly AttachmentRow[],
  status: AttachmentRow['status'],
): Promise<void> {
  for (const { id } of attachments) await updateAttachment(trx, id, { status, updated_at: isoTime(clock) });
}

interface AttachBody {
  readonly instance_uuid?: string | null;
  readonly host_name?: string | null;
  readonly mountpoint: string;
  readonly mode?: 'rw' | 'ro';
}

export async function attachVolume(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, `${ACTIONS}:attach`);
  const body = bodyOf<AttachBody>(call);
  const { instance_uuid: instance, host_name: host } = body;
  if ((instance ?? null) === null && (host ?? null) === null)
    throw new InvalidInput('Invalid request to attach volume to an invalid target: name a server or a host.');
  await deps.db.transaction(async (trx) => {
    const waiting = (await listOfVolume(trx, volume.id)).find(
      (each) =>
        (each.status === 'reserved' || each.status === 'attaching') &&
        (each.instance_id === null || each.instance_id === instance),
    );
    const row =
      waiting ??
      (await reserve(trx, deps, volume.id, {
        ...reservation(call, volume),
        instanceId: instance ?? null,
        mode: body.mode,
      }));
    if (volume.readonly === 1 && body.mode === 'rw')
      throw new InvalidVolume(
        `Volume ${volume.id} may only be read: attach it with mode ro.`,
        'invalid-attach-mode',
      );
    const now = isoTime(deps.clock);
    await updateAttachment(trx, row.id, {
      status: 'attached',
      instance_id: instance ?? null,
      attached_host: host ?? row.attached_host,
      mountpoint: body.mountpoint,
      ...(body.mode ? { mode: body.mode } : {}),
      attached_at: now,
      updated_at: now,
    });
  });
}

export async function detachVolume(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, `${ACTIONS}:detach`);
  const body = bodyOf<{ attachment_id?: string | null } | null>(call);
  await endOne(deps, volume, body?.attachment_id ?? undefined);
}

export async function forceDetach(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume_extension:volume_admin_actions:force_detach');
  await endOne(deps, volume, bodyOf<{ attachment_id?: string | null }>(call).attachment_id ?? undefined);
}

async function endOne(deps: VolumeDeps, volume: VolumeRow, id: string | undefined): Promise<void> {
  await deps.db.transaction(async (trx) => {
    const all = await listOfVolume(trx, volume.id);
    if (id === undefined && all.length > 1)
      throw new InvalidVolume(`Detach volume failed: it has ${all.length} attachments, and none is named.`);
    const one = id === undefined ? all[0] : all.find((each) => each.id === id);
    if (!one && id !== undefined) throw new AttachmentNotFound(id);
    if (one) await release(trx, deps, one);
  });
}

export async function initializeConnection(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { volume } = await findVolume(call, deps, `${ACTIONS}:initialize_connection`);
  const { connector } = bodyOf<{ connector: GivenConnector }>(call);
  const all = await listOfVolume(deps.db.kysely, volume.id);
  const row =
    all.find((each) => each.attached_host === connector.host && each.connector_json !== null) ??
    all.findLast((each) => each.connector_json === null);
  if (!row) throw new InvalidVolume(`volume ${volume.id} is reserved for nobody: reserve it first.`);
  const { connection } = await connectAttachment(deps, row.id, connector);
  const sees = await seesConnections(call, deps);
  return {
    connection_info: {
      driver_volume_type: connection.driver_volume_type,
      data: sees ? { ...connection.data, encrypted: false } : {},
    },
  };
}

export async function terminateConnection(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, `${ACTIONS}:terminate_connection`);
  const { connector } = bodyOf<{ connector: GivenConnector | null }>(call);
  await deps.db.transaction(async (trx) => {
    for (const each of await listOfVolume(trx, volume.id)) {
      if (each.connector_json === null) continue;
      if (connector?.host !== undefined && each.attached_host !== connector.host) continue;
      await updateAttachment(trx, each.id, {
        connector_json: null,
        connection_json: null,
        updated_at: isoTime(deps.clock),
      });
      await endExport(trx, deps, each);
    }
  });
}
