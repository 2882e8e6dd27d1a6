// Console tokens: only their hashes are kept. The API makes them, the console proxy looks them up.
import { createHash, randomUUID } from 'node:crypto';
import type { ComputeExecutor } from '#compute/deps.ts';
import type { ConsoleTokenRow } from './tables.ts';

export const consoleTokenHash = (token: string): string => createHash('sha256').update(token).digest('hex');

/** `now` and `ttlMs` in milliseconds. Forgets tokens that are over. @returns the token, which is shown once */
export async function insertConsoleToken(
  db: ComputeExecutor,
  instanceId: string,
  kind: 'novnc' | 'serial',
  now: number,
  ttlMs: number,
): Promise<string> {
  const token = randomUUID();
  await db.deleteFrom('console_tokens').where('expires_at', '<', new Date(now).toISOString()).execute();
  await db
    .insertInto('console_tokens')
    .values({
      token_hash: consoleTokenHash(token),
      instance_id: instanceId,
      kind,
      expires_at: new Date(now + ttlMs).toISOString(),
    })
    .execute();
  return token;
}

/** Undefined for an unknown token and for one that is over. */
export async function findConsoleToken(
  db: ComputeExecutor,
  token: string,
  now: number,
): Promise<ConsoleTokenRow | undefined> {
  return db
    .selectFrom('console_tokens')
    .selectAll()
    .where('token_hash', '=', consoleTokenHash(token))
    .where('expires_at', '>=', new Date(now).toISOString())
    .executeTakeFirst();
}
