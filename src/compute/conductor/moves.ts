// Moves of servers as the database sees them: begun by the agent, ended at the destination, taken back, or unwound. What a
// server held where it comes from is the migration's until the move is over.
import { endHoldInTransaction, releaseInTransaction, type Hold } from '#placement/claim.ts';
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Transaction } from 'kysely';
import { withSwap } from '../block-devices/swap.ts';
import { insertDevices, removeDevices, updateDevice } from '../block-devices/store.ts';
import type { ComputeDeps, ComputeExecutor } from '../deps.ts';
import {
  agentQueue,
  type AgentRpc,
  type ConductorRpc,
  type InstanceEntry,
  type MoveRef,
  type PreparedMove,
} from '../rpc.ts';
import {
  findMigration,
  findOpenMigration,
  listOpenMigrationsOf,
  updateMigration,
} from '../server-migrations/store.ts';
import type { ComputeTables, Fault, FlavorSnapshot, InstanceActionRow, InstanceRow } from '../tables.ts';
import type { MigrationRow, MigrationStatus } from '../server-migrations/tables.ts';
import { tryElsewhere } from './elsewhere.ts';
import { endAction, entryOf, findAction, findInstance, updateInstance } from './store.ts';

type Trx = Transaction<ComputeTables>;
type Deps = Pick<ComputeDeps, 'db' | 'clock' | 'bus'>;

/** The entry crosses to the other host and into no log: what is secret in it stays out all the same. */
export const withoutSecrets = (entry: InstanceEntry): InstanceEntry => ({ ...entry, admin_password: null });

const flavorOf = (json: string): FlavorSnapshot => JSON.parse(json) as FlavorSnapshot;

/** The entry as it is at the move's destination. */
export function movedEntry(entry: InstanceEntry, migration: MigrationRow): InstanceEntry {
  const flavor = flavorOf(migration.new_flavor_json);
  const same = migration.old_flavor_json === migration.new_flavor_json;
  return {
    ...entry,
    host: migration.dest_compute,
    node: migration.dest_node,
    availability_zone: migration.dest_zone ?? entry.availability_zone,
    flavor_id: flavor.id,
    flavor_json: migration.new_flavor_json,
    disk_config: migration.disk_config,
    devices: same ? entry.devices : withSwap(entry.devices, flavor.swap, entry, migration.uuid),
  };
}

/** The entry as it was where the move began. */
function revertedEntry(entry: InstanceEntry, migration: MigrationRow): InstanceEntry {
  const flavor = flavorOf(migration.old_flavor_json);
  const same = migration.old_flavor_json === migration.new_flavor_json;
  return {
    ...entry,
    host: migration.source_compute,
    node: migration.source_node,
    availability_zone: migration.source_zone ?? entry.availability_zone,
    flavor_id: flavor.id,
    flavor_json: migration.old_flavor_json,
    devices: same ? entry.devices : withSwap(entry.devices, flavor.swap, entry, migration.uuid),
  };
}

async function prepared(
  { db }: Deps,
  args: MoveRef & { readonly attempt?: number },
  toOf: (entry: InstanceEntry, migration: MigrationRow) => InstanceEntry,
): Promise<PreparedMove> {
  return db.transaction(async (trx) => {
    const [row, action, migration] = [
      await findInstance(trx, args.instance_id),
      await findAction(trx, args.action_id),
      await findMigration(trx, args.migration_uuid),
    ];
    if (!row || !migration || action?.state !== 'running') return { kind: 'stale' };
    if (args.attempt !== undefined && action.attempt !== args.attempt) return { kind: 'stale' };
    if (action.cancelled === 1) return { kind: 'cancelled' };
    const entry = withoutSecrets(await entryOf(trx, row));
    return { kind: 'go', migration, from: entry, to: toOf(entry, migration) };
  });
}

export const prepareMove = async (
  deps: Deps,
  args: Parameters<ConductorRpc['prepareMove']>[0],
): Promise<PreparedMove> => prepared(deps, args, movedEntry);

export const prepareRevert = async (deps: Deps, args: MoveRef): Promise<PreparedMove> =>
  prepared(deps, args, revertedEntry);

const NOT_WANTED = { cancelled: true } as const;
const WRITTEN = { cancelled: false } as const;

/** Of an action that another delivery has ended, the first one's words stand. */
async function ending(
  { db, clock }: Deps,
  args: MoveRef,
  write: (
    trx: Trx,
    so: { readonly entry: InstanceRow; readonly migration: MigrationRow; readonly now: string },
  ) => Promise<void>,
): Promise<{ readonly cancelled: boolean }> {
  return db.transaction(async (trx) => {
    const now = isoTime(clock);
    const action = await findAction(trx, args.action_id);
    if (action?.state === 'done') return WRITTEN;
    const [entry, migration] = [
      await findInstance(trx, args.instance_id),
      await findMigration(trx, args.migration_uuid),
    ];
    if (!entry || !migration || !action || action.cancelled === 1 || action.state !== 'running')
      return NOT_WANTED;
    await endAction(trx, args.action_id, 'done', now);
    await write(trx, { entry, migration, now });
    return WRITTEN;
  });
}

async function writeEntry(
  trx: Trx,
  before: InstanceRow,
  after: InstanceEntry,
  changes: Partial<InstanceRow>,
  now: string,
): Promise<void> {
  const { host, node, availability_zone, flavor_id, flavor_json, disk_config } = after;
  const own = { host, node, availability_zone, flavor_id, flavor_json, disk_config };
  await updateInstance(trx, before.id, { ...own, ...changes, task_state: null, fault_json: null }, now);
  const known = (await entryOf(trx, before)).devices;
  const gone = known.filter((device) => !after.devices.some((each) => each.id === device.id));
  if (gone.length > 0)
    await removeDevices(
      trx,
      gone.map((device) => device.id),
    );
  await insertDevices(
    trx,
    after.devices.filter((device) => !known.some((each) => each.id === device.id)),
  );
  for (const device of after.devices) {
    const old = known.find((each) => each.id === device.id);
    if (old && old.volume_size !== device.volume_size && device.destination_type === 'local')
      await updateDevice(trx, device.id, { volume_size: device.volume_size, updated_at: now });
  }
}

export async function finishMove(
  deps: Deps,
  args: Parameters<ConductorRpc['finishMove']>[0],
): Promise<{ readonly cancelled: boolean }> {
  return ending(deps, args, async (trx, { entry, migration, now }) => {
    const moved = movedEntry(await entryOf(trx, entry), migration);
    await writeEntry(
      trx,
      entry,
      moved,
      { vm_state: 'resized', power_state: args.power_state, progress: 100 },
      now,
    );
    await updateMigration(trx, migration.uuid, { status: 'finished' }, now);
  });
}

export async function finishRevert(
  deps: Deps,
  args: Parameters<ConductorRpc['finishRevert']>[0],
): Promise<{ readonly cancelled: boolean }> {
  return ending(deps, args, async (trx, { entry, migration, now }) => {
    const reverted = revertedEntry(await entryOf(trx, entry), migration);
    const changes = { vm_state: migration.old_vm_state, power_state: args.power_state };
    await writeEntry(trx, entry, reverted, changes, now);
    await endHoldInTransaction(trx, holdOf(entry, migration));
    await updateMigration(trx, migration.uuid, { status: 'reverted' }, now);
    await sendDropMoved(deps, trx, migration, migration.dest_compute);
  });
}

/** The move has ended well: what it left behind is given up. */
export async function confirmInTransaction(
  deps: Pick<Deps, 'bus'>,
  trx: Trx,
  migration: MigrationRow,
  now: string,
): Promise<void> {
  await releaseInTransaction(trx, migration.uuid);
  await updateMigration(trx, migration.uuid, { status: 'confirmed' }, now);
  await sendDropMoved(deps, trx, migration, migration.source_compute);
}

/** Delivered until it is done: a host that is away cleans up when it is back. */
export async function sendDropMoved(
  { bus }: Pick<Deps, 'bus'>,
  trx: Trx,
  migration: MigrationRow,
  host: string | null,
): Promise<void> {
  if (host === null) return;
  const agent = rpcClient<AgentRpc>(bus, agentQueue(host));
  const args = { instance_id: migration.instance_id, migration_uuid: migration.uuid };
  await enqueue(trx, agent.message('dropMoved', args));
}

const holdOf = (entry: InstanceRow, migration: MigrationRow): Hold => ({
  from: entry.id,
  to: migration.uuid,
  type: 'INSTANCE',
  projectId: entry.project_id,
  userId: entry.user_id,
});

export async function failMove(deps: Deps, args: Parameters<ConductorRpc['failMove']>[0]): Promise<void> {
  await deps.db.transaction(async (trx) => {
    const migration = await findMigration(trx, args.migration_uuid);
    if (migration && args.left_behind) await sendDropMoved(deps, trx, migration, args.left_behind);
    const giveBack = async (of: InstanceRow, move: MigrationRow): Promise<void> =>
      endHoldInTransaction(trx, holdOf(of, move));
    if (await tryElsewhere(deps, trx, args, giveBack)) return;
    const entry = await endInFailure(deps, trx, args);
    const action = await findAction(trx, args.action_id);
    if (entry && migration)
      await undoMoveInTransaction(deps, trx, entry, migration, statusOfFailure(migration, action));
  });
}

/** Upstream's words: a live migration that was called off, one that failed on its way, and all others. */
function statusOfFailure(
  { migration_type, status }: MigrationRow,
  action: Pick<InstanceActionRow, 'cancelled'> | undefined,
): MigrationStatus {
  if (migration_type !== 'live-migration') return 'error';
  if (action?.cancelled === 1) return 'cancelled';
  return status === 'running' ? 'failed' : 'error';
}

/** The server stays where it was, with what it held; also when the agents have not been able to say so. */
export async function undoMoveInTransaction(
  { clock }: Pick<Deps, 'clock'>,
  trx: Trx,
  entry: InstanceRow,
  migration: MigrationRow,
  status: MigrationStatus = 'error',
): Promise<void> {
  await endHoldInTransaction(trx, holdOf(entry, migration));
  await updateMigration(trx, migration.uuid, { status }, isoTime(clock));
}

export async function failRevert(deps: Deps, args: Parameters<ConductorRpc['failRevert']>[0]): Promise<void> {
  await deps.db.transaction(async (trx) => {
    if (!(await endInFailure(deps, trx, args))) return;
    await updateMigration(trx, args.migration_uuid, { status: 'finished' }, isoTime(deps.clock));
  });
}

/** @returns the entry when this call has ended the action */
async function endInFailure(
  { clock }: Deps,
  trx: Trx,
  args: Parameters<ConductorRpc['failMove']>[0],
): Promise<InstanceRow | undefined> {
  const now = isoTime(clock);
  const { message, details, lost } = args;
  if (!(await endAction(trx, args.action_id, 'failed', now, 'Error', message))) return undefined;
  const entry = await findInstance(trx, args.instance_id);
  if (!entry) return undefined;
  const fault: Fault = { code: 500, message: message.slice(0, 1000), details, created: now };
  const changes: Partial<InstanceRow> = {
    fault_json: JSON.stringify(fault),
    ...(lost ? { vm_state: 'error', power_state: 0 } : {}),
    ...(entry.task_state === 'deleting' ? {} : { task_state: null }),
  };
  await updateInstance(trx, entry.id, changes, now);
  return { ...entry, ...changes };
}

/** The server is deleted, or somebody has set its state by hand: whatever its move holds and keeps is given up. */
export async function endOpenMove(
  deps: Pick<Deps, 'bus' | 'clock'>,
  trx: Trx,
  instanceId: string,
): Promise<void> {
  const migration = await findOpenMigration(trx, instanceId);
  if (!migration) return;
  await releaseInTransaction(trx, migration.uuid);
  const status = migration.status === 'finished' ? 'confirmed' : statusOfFailure(migration, { cancelled: 1 });
  await updateMigration(trx, migration.uuid, { status }, isoTime(deps.clock));
  for (const host of new Set([migration.source_compute, migration.dest_compute]))
    await sendDropMoved(deps, trx, migration, host);
}

/** Moves that have something on the host: as where they come from, or where they go. */
export async function listOpenMoves(
  db: ComputeExecutor,
  host: string,
): Promise<Array<{ readonly instance_id: string; readonly migration_uuid: string }>> {
  const rows = await listOpenMigrationsOf(db, host);
  return rows.map(({ instance_id, uuid }) => ({ instance_id, migration_uuid: uuid }));
}
