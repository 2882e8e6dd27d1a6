// All SQL of passcodes that were tried and taken. Each statement decides by itself, so that of several at once one wins.
import { sql } from 'kysely';
import type { IdentityExecutor } from '../database.ts';

/** @returns false when the user has tried `most` in this step */
export async function countTry(
  db: IdentityExecutor,
  userId: string,
  step: number,
  most: number,
): Promise<boolean> {
  const result = await db
    .insertInto('passcode_tries')
    .values({ user_id: userId, step, tries: 1 })
    .onConflict((conflict) =>
      conflict
        .column('user_id')
        .doUpdateSet({
          tries: sql<number>`case when passcode_tries.step = ${step} then passcode_tries.tries + 1 else 1 end`,
          step,
        })
        .where((eb) => eb.or([eb('passcode_tries.step', '<>', step), eb('passcode_tries.tries', '<', most)])),
    )
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

/** @returns false when the passcode of this step, or a later one, was taken before */
export async function takeStep(db: IdentityExecutor, credentialId: string, step: number): Promise<boolean> {
  const result = await db
    .insertInto('passcodes_taken')
    .values({ credential_id: credentialId, step })
    .onConflict((conflict) =>
      conflict.column('credential_id').doUpdateSet({ step }).where('passcodes_taken.step', '<', step),
    )
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

/** Removes what says nothing any more: of steps before `step`. */
export async function forgetSteps(db: IdentityExecutor, step: number): Promise<void> {
  await db.deleteFrom('passcode_tries').where('step', '<', step).execute();
  await db.deleteFrom('passcodes_taken').where('step', '<', step).execute();
}
