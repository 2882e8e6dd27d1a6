// Which run of a saga that only goes forward comes next: an attempt that failed is over, and the next is one of its own in the
// record.
import type { HostDeps } from './deps.ts';

export async function nextAttempt(deps: Pick<HostDeps, 'sagaLog'>, sagaId: string): Promise<number> {
  const records = await deps.sagaLog.load(sagaId);
  const last = Math.max(1, ...records.map((record) => record.attempt));
  const failed = records.some(
    (record) => record.attempt === last && record.state !== 'done' && record.state !== 'running',
  );
  return failed ? last + 1 : last;
}
