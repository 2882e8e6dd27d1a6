// Offers a volume to another project, and takes one that was offered.
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, InvalidVolume, ResourceNotFound } from '#volume/errors.ts';
import { copyKeyFor } from '#volume/keys/keys.ts';
import { findKeyOf, replaceKeyOf } from '#volume/keys/store.ts';
import { nextPageLink, pageOf, type Listing } from '#volume/listing.ts';
import { wantsAllProjects } from '#volume/paging.ts';
import { assertVolumeQuota } from '#volume/quota-sets/count.ts';
import { isTrue } from '#volume/schema-types.ts';
import type { TransferRow } from '#volume/tables.ts';
import { enforceOnProject, findVolume } from '#volume/volumes/find.ts';
import { statusOf } from '#volume/volumes/status.ts';
import { findWholeVolume, updateVolume } from '#volume/volumes/store.ts';
import { findUsableType } from '#volume/volumes/type-store.ts';
import { isRightKey, newAuthKey } from './auth-key.ts';
import {
  findTransfer,
  insertTransfer,
  listTransfers,
  markAccepted,
  moveSnapshots,
  removeTransfer,
  sumSnapshotsOf,
} from './store.ts';
import { briefView, detailView } from './view.ts';

const SORTABLE: Listing<TransferRow>['sortable'] = {
  id: (row) => row.id,
  name: (row) => row.name,
  created_at: (row) => row.created_at,
  volume_id: (row) => row.volume_id,
};

/** Markers and orders came with 3.59. */
function pagingOf({ query, microversion }: Call): URLSearchParams {
  if (atLeast(microversion, '3.59')) return query;
  return new URLSearchParams([...query].filter(([name]) => name === 'limit' || name === 'offset'));
}

const listOf =
  (view: (call: Call, row: TransferRow) => unknown) =>
  async (call: Call, { db, config }: VolumeDeps): Promise<unknown> => {
    const all = wantsAllProjects(call, 'volume:get_all_transfers_of_projects');
    const rows = await listTransfers(db.kysely, all ? undefined : (call.principal.projectId ?? ''));
    const filtered = rows.filter(
      (row) =>
        (call.query.get('name') ?? row.name) === row.name &&
        (call.query.get('volume_id') ?? row.volume_id) === row.volume_id,
    );
    const page = pageOf(pagingOf(call), filtered, {
      what: 'Transfer',
      sortable: SORTABLE,
      maxLimit: config.maxLimit,
    });
    return {
      transfers: page.rows.map((row) => view(call, row)),
      ...(atLeast(call.microversion, '3.59') ? nextPageLink(call, 'transfers', page) : {}),
    };
  };

export const listBrief = listOf(briefView);
export const listDetail = listOf(detailView);

async function getTransfer(call: Call, { db }: VolumeDeps, rule: string): Promise<TransferRow> {
  const id = call.params['id'] ?? '';
  const row = await findTransfer(db.kysely, id);
  const absent = new ResourceNotFound('Transfer', id);
  if (!row) throw absent;
  enforceOnProject(call, rule, row.project_id, 'volume:get_transfer', absent);
  return row;
}

export async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  return { transfer: detailView(call, await getTransfer(call, deps, 'volume:get_transfer')) };
}

interface CreateBody {
  readonly transfer: {
    readonly volume_id: string;
    readonly name?: string | null;
    readonly no_snapshots?: unknown;
  };
}

export async function create(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { transfer: asked } = call.body as CreateBody;
  const { volume } = await findVolume(call, deps, 'volume:create_transfer', asked.volume_id);
  const auth = newAuthKey();
  const row: TransferRow = {
    id: crypto.randomUUID(),
    volume_id: volume.id,
    project_id: volume.project_id,
    name: asked.name ?? null,
    key_hash: auth.hash,
    key_salt: auth.salt,
    no_snapshots: isTrue(asked.no_snapshots ?? false) ? 1 : 0,
    source_project_id: volume.project_id,
    destination_project_id: null,
    accepted: 0,
    created_at: isoTime(deps.clock),
  };
  await deps.db.transaction(async (trx) => {
    const whole = await findWholeVolume(trx, volume.id);
    const status = whole ? statusOf(whole.volume, whole.attachments) : 'deleting';
    if (status !== 'available')
      throw new InvalidVolume(
        `the status of ${volume.id} must be available to transfer it, and is ${status}.`,
      );
    if (whole?.groupId) throw new InvalidVolume(`${volume.id} is in a group: take it out first.`);
    const snapshots = await sumSnapshotsOf(trx, volume.id);
    if (whole?.volume.encrypted === 1) assertKeyMayMove(call, row, snapshots.number);
    if (row.no_snapshots === 0 && snapshots.busy > 0)
      throw new InvalidVolume(`snapshots of ${volume.id} are not available.`);
    await updateVolume(trx, volume.id, { lifecycle: 'awaiting-transfer', updated_at: row.created_at });
    await insertTransfer(trx, row);
  });
  return { transfer: { ...detailView(call, row), auth_key: auth.key } };
}

/** @throws InvalidVolume */
function assertKeyMayMove(call: Call, { volume_id, no_snapshots }: TransferRow, snapshots: number): void {
  if (!atLeast(call.microversion, '3.70'))
    throw new InvalidVolume(
      `transferring encrypted volume ${volume_id} is not supported before version 3.70.`,
      'encrypted-transfer',
    );
  if (no_snapshots === 1 && snapshots > 0)
    throw new InvalidVolume(`the snapshots of ${volume_id} open with its key: transfer them with it.`);
}

/** Withdraws the offer. */
export async function remove(call: Call, deps: VolumeDeps): Promise<Reply> {
  const row = await getTransfer(call, deps, 'volume:delete_transfer');
  await deps.db.transaction(async (trx) => {
    if (!(await removeTransfer(trx, row.id))) throw new ResourceNotFound('Transfer', row.id);
    const whole = await findWholeVolume(trx, row.volume_id);
    if (whole?.volume.lifecycle === 'awaiting-transfer')
      await updateVolume(trx, row.volume_id, { lifecycle: 'available', updated_at: isoTime(deps.clock) });
  });
  return new Reply(202);
}

/** Whoever knows id and key may take the volume: no rule asks for the offering project. */
export async function accept(call: Call, deps: VolumeDeps): Promise<unknown> {
  const id = call.params['id'] ?? '';
  const { auth_key } = (call.body as { accept: { auth_key: string } }).accept;
  const { projectId, userId } = call.principal;
  if (projectId === undefined)
    throw new InvalidInput('The token is for no project that could take the volume.');
  const row = await findTransfer(deps.db.kysely, id);
  if (!row) throw new ResourceNotFound('Transfer', id);
  if (!isRightKey(row, auth_key))
    throw new InvalidInput(`Attempt to transfer ${row.id} with invalid auth key.`, 'wrong-auth-key');
  // The key stays what it is, as the data does; its id is the new owner's alone.
  const held = await findKeyOf(deps.db.kysely, row.volume_id);
  const key = held && (await copyKeyFor(deps, row.volume_id, held));
  await deps.db.transaction(async (trx) => {
    const whole = await findWholeVolume(trx, row.volume_id);
    if (whole?.volume.lifecycle !== 'awaiting-transfer')
      throw new InvalidVolume(`the status of ${row.volume_id} must be awaiting-transfer.`);
    if (!(await markAccepted(trx, row.id, projectId))) throw new ResourceNotFound('Transfer', id);
    const { volume, typeName } = whole;
    const caller = { projectId, isAdmin: call.allows('context_is_admin') };
    if (volume.volume_type_id !== null && !(await findUsableType(trx, volume.volume_type_id, caller)))
      throw new InvalidInput('The project may not use the type of the volume.', 'type-not-usable');
    const snapshots =
      row.no_snapshots === 1 ? { number: 0, gigabytes: 0 } : await sumSnapshotsOf(trx, volume.id);
    if (projectId !== volume.project_id)
      await assertVolumeQuota(trx, projectId, {
        volumes: 1,
        per_volume_gigabytes: volume.size,
        gigabytes: volume.size + snapshots.gigabytes,
        snapshots: snapshots.number,
        typeName: typeName ?? undefined,
      });
    const owner = { project_id: projectId, user_id: userId };
    if (row.no_snapshots === 0) await moveSnapshots(trx, volume.id, owner);
    if (key) await replaceKeyOf(trx, key);
    await updateVolume(trx, volume.id, { ...owner, lifecycle: 'available', updated_at: isoTime(deps.clock) });
  });
  return { transfer: briefView(call, row) };
}
