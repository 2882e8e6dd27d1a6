// Hop `ready`: the first sign that a guest is up on the network.
import { isoTime } from '#platform/context/clock.ts';
import { listSteps, saveStep } from '#platform/saga/sql-log.ts';
import { parseTraceparent } from '#platform/context/request-context.ts';
import type { StepRecord } from '#platform/saga/saga.ts';
import type { ComputeDeps } from '../deps.ts';
import { exportStep } from '../servers/launch-trace/spans.ts';
import type { ConductorRpc } from '../rpc.ts';

export async function recordReady(
  { db, clock }: ComputeDeps,
  args: Parameters<ConductorRpc['recordReady']>[0],
): Promise<void> {
  const create = await db.kysely
    .selectFrom('instance_actions')
    .select(['id', 'traceparent'])
    .where('instance_id', '=', args.instance_id)
    .where('action', '=', 'create')
    .executeTakeFirst();
  if (!create) return;
  const step = (await listSteps(db.kysely, [create.id])).find(
    (each) => each.step === 'ready' && each.state === 'running',
  );
  if (!step) return;
  const ready: StepRecord = {
    ...step,
    state: 'done',
    ended_at: isoTime(clock),
    waiting_for: null,
    evidence: { sign: args.sign, ...args.evidence },
  };
  await saveStep(db.kysely, ready);
  exportStep(ready, args.instance_id, parseTraceparent(create.traceparent)); // the launch's trace, not the guest's request
}
