// The saga log in SQL: one row a (saga, attempt, step), beside the state that it describes.
import type { Executor } from '#platform/sql/database.ts';
import type { Migration } from '#platform/sql/migrate.ts';
import type { StepRecord, StepState } from './saga.ts';

export interface SagaStepRow {
  saga_id: string;
  attempt: number;
  step: string;
  state: string;
  started_at: string;
  ended_at: string | null;
  deadline_at: string;
  actor: string;
  waiting_for: string | null;
  evidence: string;
  output: string;
  error: string | null;
}

/** What a database must have for saga logs; a service's table type extends it. */
export interface SagaTables {
  saga_steps: SagaStepRow;
}

export const sagaMigration: Migration = {
  name: '000-saga-steps',
  up: async (db) => {
    await db.schema
      .createTable('saga_steps')
      .addColumn('saga_id', 'text', (c) => c.notNull())
      .addColumn('attempt', 'integer', (c) => c.notNull())
      .addColumn('step', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('started_at', 'text', (c) => c.notNull())
      .addColumn('ended_at', 'text')
      .addColumn('deadline_at', 'text', (c) => c.notNull())
      .addColumn('actor', 'text', (c) => c.notNull())
      .addColumn('waiting_for', 'text')
      .addColumn('evidence', 'text', (c) => c.notNull())
      .addColumn('output', 'text', (c) => c.notNull())
      .addColumn('error', 'text')
      .addPrimaryKeyConstraint('saga_steps_pk', ['saga_id', 'attempt', 'step'])
      .execute();
  },
};

/** Works within a transaction as well, so that a step's record commits with its effect. */
export async function saveStep<T extends SagaTables>(db: Executor<T>, record: StepRecord): Promise<void> {
  const row = {
    ...record,
    evidence: JSON.stringify(record.evidence),
    output: JSON.stringify(record.output ?? null),
  };
  const { saga_id: _s, attempt: _a, step: _n, ...changes } = row;
  await (db as unknown as Executor<SagaTables>)
    .insertInto('saga_steps')
    .values(row)
    .onConflict((conflict) => conflict.columns(['saga_id', 'attempt', 'step']).doUpdateSet(changes))
    .execute();
}

export async function listSteps<T extends SagaTables>(
  db: Executor<T>,
  sagaIds: readonly string[],
): Promise<StepRecord[]> {
  if (sagaIds.length === 0) return [];
  const rows = await (db as unknown as Executor<SagaTables>)
    .selectFrom('saga_steps')
    .selectAll()
    .where('saga_id', 'in', sagaIds)
    .orderBy('attempt')
    .orderBy('started_at')
    .execute();
  return rows.map((row) => ({
    ...row,
    state: row.state as StepState,
    evidence: JSON.parse(row.evidence) as Record<string, unknown>,
    output: JSON.parse(row.output) as unknown,
  }));
}

/**
 * Closes steps that are open when their operation ends: whoever ran them died between its last effect and its last word, or
 * is too late. `reason` is null when the operation has succeeded.
 */
export async function closeSteps<T extends SagaTables>(
  db: Executor<T>,
  sagaIds: readonly string[],
  { now, reason }: { readonly now: string; readonly reason: string | null },
): Promise<void> {
  if (sagaIds.length === 0) return;
  const open = (state: StepState) =>
    (db as unknown as Executor<SagaTables>)
      .updateTable('saga_steps')
      .where('saga_id', 'in', sagaIds)
      .where('state', '=', state);
  const ended = { ended_at: now, waiting_for: null };
  await open('running')
    .set(reason === null ? { ...ended, state: 'done' } : { ...ended, state: 'failed', error: reason })
    .execute();
  await open('undoing')
    .set({ ...ended, state: 'undone' })
    .execute();
}
