// Hop `ready`: the first sign that a guest is up on the network.
import { isoTime } from '#platform/context/clock.ts';
import { listSteps, saveStep } from '#platform/saga/sql-log.ts';
import type { ComputeDeps } from '../deps.ts';
import type { ConductorRpc } from '../rpc.ts';

export async function recordReady(
  { db, clock }: ComputeDeps,
  args: Parameters<ConductorRpc['recordReady']>[0],
): Promise<void> {
  const create = await db.kysely
    .selectFrom('instance_actions')
    .select('id')
    .where('instance_id', '=', args.instance_id)
    .where('action', '=', 'create')
    .executeTakeFirst();
  if (!create) return;
  const step = (await listSteps(db.kysely, [create.id])).find(
    (each) => each.step === 'ready' && each.state === 'running',
  );
  if (!step) return;
  await saveStep(db.kysely, {
    ...step,
    state: 'done',
    ended_at: isoTime(clock),
    waiting_for: null,
    evidence: { sign: args.sign, ...args.evidence },
  });
}
