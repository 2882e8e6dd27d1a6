// Evidence that comes after its hop has ended: flows, counted when nobody waits for the launch any more, and what the
// receiver of a message saw. It changes the evidence alone: no time, no state, no span.
import { saveStep, listSteps } from '#platform/saga/sql-log.ts';
import type { Delivery } from '#platform/bus/bus.ts';
import type { ComputeDeps, ComputeExecutor } from '../deps.ts';
import { selectUncounted } from './late-evidence-store.ts';
import type { ConductorRpc, UncountedLaunch } from '../rpc.ts';
import type { Vif } from '../tables.ts';

/** What is found out again, or missed for good: nothing rests on it. */
const NOT_DURABLE = { durable: false } as const;
/** A launch that could not be counted for so long stays without: later counts would tell of another time. */
const WORTH_COUNTING_MS = 900_000;
/** In the evidence of hops whose flows were counted. */
const COUNTED_KEY = 'counted_at';

/** Launches that ended on `host` lately, run there, and whose flows nobody has counted; the oldest first. */
export async function listUncountedLaunches(
  { db, clock }: ComputeDeps,
  { host }: { readonly host: string },
): Promise<UncountedLaunch[]> {
  const since = new Date(clock.now() - WORTH_COUNTING_MS).toISOString();
  const rows = await selectUncounted(db.kysely, { host, since, key: COUNTED_KEY });
  return rows.map(({ vifs_json, ...launch }) => ({
    ...launch,
    ports: (JSON.parse(vifs_json) as Vif[]).map(({ port_id, devname }) => ({ port_id, devname })),
  }));
}

/** Adds to hops of an attempt that are done; others are left as they are. */
export async function addEvidence(
  { db }: Pick<ComputeDeps, 'db'>,
  { saga_id, attempt, evidence }: Parameters<ConductorRpc['addEvidence']>[0],
): Promise<void> {
  await db.transaction(async (trx) => {
    for (const step of await listSteps(trx, [saga_id])) {
      const facts = evidence[step.step];
      if (facts && step.attempt === attempt && step.state === 'done')
        await saveStep(trx, { ...step, evidence: { ...step.evidence, ...facts } });
    }
  }, NOT_DURABLE);
}

/** What the agent saw of the message that `dispatch` sent: once delivered again it stays so. */
export async function noteDelivery(
  trx: ComputeExecutor,
  ref: { readonly action_id: string; readonly attempt: number },
  delivery: Pick<Delivery, 'id' | 'redelivered'>,
): Promise<void> {
  const dispatch = (await listSteps(trx, [ref.action_id])).find(
    (step) => step.attempt === ref.attempt && step.step === 'dispatch',
  );
  if (dispatch?.evidence['message_id'] !== delivery.id) return;
  const redelivered = delivery.redelivered || dispatch.evidence['redelivered'] === true;
  if (dispatch.evidence['redelivered'] === redelivered) return;
  await saveStep(trx, { ...dispatch, evidence: { ...dispatch.evidence, redelivered } });
}
