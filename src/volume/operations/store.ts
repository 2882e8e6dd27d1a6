// Long operations: a row each, which is the id of the saga that does the work. Begun in the transaction of the intent.
import type { Call } from '#platform/http/api.ts';
import { closeSteps, listSteps, saveStep } from '#platform/saga/sql-log.ts';
import type { SagaLog, StepRecord } from '#platform/saga/saga.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDatabase, VolumeDeps } from '#volume/deps.ts';
import type { CleanUpMessage } from '#volume/rpc.ts';
import type { MessageRow, VolumeOperationRow, VolumeTables } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

export interface NewOperation {
  readonly resource_type: VolumeOperationRow['resource_type'];
  readonly resource_id: string;
  /** `create`, `delete`, `extend` … */
  readonly operation: string;
  readonly project_id: string;
  /** `host@backend`, once known. */
  readonly host: string | null;
  readonly deadlineMs: number;
}

/** On whose behalf: a request, or what goes on after it. */
export interface Requester extends Pick<Call, 'requestId'> {
  readonly principal: Pick<Call['principal'], 'userId'>;
}

/** @returns the operation's id */
export async function beginOperation(
  trx: Db,
  call: Requester,
  { clock }: Pick<VolumeDeps, 'clock'>,
  { deadlineMs, ...operation }: NewOperation,
): Promise<string> {
  const id = crypto.randomUUID();
  const now = clock.now();
  await trx
    .insertInto('operations')
    .values({
      id,
      ...operation,
      request_id: call.requestId,
      user_id: call.principal.userId,
      state: 'running',
      attempt: 1,
      deadline_at: new Date(now + deadlineMs).toISOString(),
      cancelled: 0,
      message: null,
      started_at: new Date(now).toISOString(),
      finished_at: null,
    })
    .execute();
  return id;
}

export async function findOperation(db: Db, id: string): Promise<VolumeOperationRow | undefined> {
  return db.selectFrom('operations').selectAll().where('id', '=', id).executeTakeFirst();
}

/** The newest `operation` on a resource. */
export async function findLatest(
  db: Db,
  resourceId: string,
  operation: string,
): Promise<VolumeOperationRow | undefined> {
  return db
    .selectFrom('operations')
    .selectAll()
    .where('resource_id', '=', resourceId)
    .where('operation', '=', operation)
    .orderBy('started_at', 'desc')
    .executeTakeFirst();
}

export async function updateOperation(
  db: Db,
  id: string,
  changes: Partial<Omit<VolumeOperationRow, 'id'>>,
): Promise<void> {
  await db.updateTable('operations').set(changes).where('id', '=', id).execute();
}

/** Asks those under way to unwind: each hears it at its next recorded step. */
export async function cancelRunning(trx: Db, resourceId: string): Promise<void> {
  await trx
    .updateTable('operations')
    .set({ cancelled: 1 })
    .where('resource_id', '=', resourceId)
    .where('state', '=', 'running')
    .execute();
}

/** Ends it with its open steps. False when it had ended already: then nothing may be made of it any more. */
export async function endOperation(
  trx: Db,
  id: string,
  end: { readonly now: string; readonly failure: string | null },
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('operations')
    .set({ state: end.failure === null ? 'done' : 'failed', message: end.failure, finished_at: end.now })
    .where('id', '=', id)
    .where('state', '=', 'running')
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return false;
  await closeSteps(trx, [id], { now: end.now, reason: end.failure });
  return true;
}

/** Ends what no backend works on yet. */
export async function endRunning(
  trx: Db,
  resourceId: string,
  end: { readonly now: string; readonly failure: string },
): Promise<void> {
  const running = await trx
    .selectFrom('operations')
    .select('id')
    .where('resource_id', '=', resourceId)
    .where('state', '=', 'running')
    .execute();
  for (const { id } of running) await endOperation(trx, id, end);
}

export async function listLate(db: Db, before: string): Promise<VolumeOperationRow[]> {
  return db
    .selectFrom('operations')
    .selectAll()
    .where('state', '=', 'running')
    .where('deadline_at', '<', before)
    .execute();
}

/** Those that clean-ups are about. Undefined host: of whatever service; null: of none yet. */
export async function listRunning(
  db: Db,
  wanted: Omit<CleanUpMessage, 'host'> & { readonly host?: string | null },
): Promise<VolumeOperationRow[]> {
  let query = db
    .selectFrom('operations')
    .selectAll()
    .where('state', '=', 'running')
    .where('started_at', '<=', wanted.until);
  if (wanted.host === null) query = query.where('host', 'is', null);
  else if (wanted.host !== undefined) query = query.where('host', '=', wanted.host);
  if (wanted.resource_type !== null) query = query.where('resource_type', '=', wanted.resource_type);
  if (wanted.resource_id !== null) query = query.where('resource_id', '=', wanted.resource_id);
  return query.orderBy('started_at').orderBy('id').execute();
}

/** Ids of the operations that messages on their way are about. */
export async function operationsInOutbox(db: Db): Promise<ReadonlySet<string>> {
  const rows = await db.selectFrom('outbox').select('payload').execute();
  return new Set(rows.flatMap(({ payload }) => payload.match(OPERATION_ID) ?? []));
}

/** Where a message names the operation that it is about, or several. */
const OPERATION_ID = /(?<="operation_id":")[0-9a-f-]{36}/g;

/** Of operations that ended before, with their records: how long a launch can be traced. */
export async function forgetEnded(db: Db, before: string): Promise<void> {
  const ended = db
    .selectFrom('operations')
    .select('id')
    .where('state', '!=', 'running')
    .where('finished_at', '<', before);
  await db.deleteFrom('saga_steps').where('saga_id', 'in', ended).execute();
  await db
    .deleteFrom('operations')
    .where('state', '!=', 'running')
    .where('finished_at', '<', before)
    .execute();
}

/** The log of a saga beside the operation's row; hears of its cancellation at each record. */
export function operationLog(db: VolumeDatabase): SagaLog {
  return {
    load: async (id) => listSteps(db.kysely, [id]),
    record: async (record: StepRecord) =>
      db.transaction(
        async (trx) => {
          await saveStep(trx, record);
          const operation = await findOperation(trx, record.saga_id);
          return {
            cancelled: operation === undefined || operation.cancelled === 1 || operation.state !== 'running',
          };
        },
        { durable: false },
      ),
  };
}

/** Messages that nobody has to be able to read any more. */
export async function forgetMessages(db: Db, now: string): Promise<void> {
  await db.deleteFrom('messages').where('guaranteed_until', '<', now).execute();
}

export async function insertMessage(trx: Db, message: MessageRow): Promise<void> {
  await trx.insertInto('messages').values(message).execute();
}
