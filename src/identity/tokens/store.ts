// All SQL of revocations: which tokens are refused although they have not expired.
import type { IdentityExecutor, RevocationRow } from '../database.ts';

export async function listRevocations(db: IdentityExecutor): Promise<RevocationRow[]> {
  return db.selectFrom('revocations').selectAll().orderBy('revoked_at').execute();
}

export async function insertRevocation(db: IdentityExecutor, row: RevocationRow): Promise<void> {
  await db.insertInto('revocations').values(row).execute();
}

/** Removes those older than any token could be. */
export async function pruneRevocations(db: IdentityExecutor, revokedBefore: number): Promise<void> {
  await db.deleteFrom('revocations').where('revoked_at', '<', revokedBefore).execute();
}

/** The transaction that wrote it took until `issuedBefore`. */
export async function postponeRevocation(
  db: IdentityExecutor,
  id: string,
  issuedBefore: number,
): Promise<void> {
  await db.updateTable('revocations').set({ issued_before: issuedBefore }).where('id', '=', id).execute();
}
