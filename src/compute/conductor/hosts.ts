// What hosts report: themselves, and what their guests do.
import { isoTime } from '#platform/context/clock.ts';
import { ensureHostProvider } from '#placement/claim.ts';
import type { ComputeDeps, ComputeExecutor } from '../deps.ts';
import type { ConductorRpc, HostReport, InstanceEntry } from '../rpc.ts';
import type { Transaction } from 'kysely';
import { POWER_STATE, type ComputeTables, type VmState } from '../tables.ts';
import { entriesOf, updateInstance } from './store.ts';

/** Keeps the service, the node and its resource provider in line with the report. */
export async function reportHost({ db, clock }: ComputeDeps, report: HostReport): Promise<void> {
  await db.transaction(
    async (trx) => {
      const now = isoTime(clock);
      const service = await trx
        .selectFrom('compute_services')
        .select('id')
        .where('host', '=', report.host)
        .where('binary', '=', 'nova-compute')
        .executeTakeFirst();
      if (service)
        await trx
          .updateTable('compute_services')
          .set({ last_seen_at: now })
          .where('id', '=', service.id)
          .execute();
      else {
        await trx
          .insertInto('compute_services')
          .values({
            id: crypto.randomUUID(),
            host: report.host,
            binary: 'nova-compute',
            disabled: 0,
            disabled_reason: null,
            forced_down: 0,
            last_seen_at: now,
            created_at: now,
            updated_at: null,
          })
          .execute();
      }
      await saveNode(trx, report, now);
    },
    { durable: false },
  ); // reported again in seconds
}

async function saveNode(trx: Transaction<ComputeTables>, report: HostReport, now: string): Promise<void> {
  const facts = {
    hypervisor_type: report.hypervisor_type,
    hypervisor_version: report.hypervisor_version,
    host_ip: report.host_ip,
    vcpus: report.vcpus,
    memory_mb: report.memory_mb,
    local_gb: report.local_gb,
    report_json: JSON.stringify(report),
  };
  const node = await trx
    .selectFrom('compute_nodes')
    .select(['id', 'report_json'])
    .where('host', '=', report.host)
    .where('hypervisor_hostname', '=', report.hypervisor_hostname)
    .executeTakeFirst();
  if (node?.report_json === facts.report_json) return;
  const id = node?.id ?? crypto.randomUUID();
  if (node)
    await trx
      .updateTable('compute_nodes')
      .set({ ...facts, updated_at: now })
      .where('id', '=', id)
      .execute();
  else
    await trx
      .insertInto('compute_nodes')
      .values({
        id,
        host: report.host,
        hypervisor_hostname: report.hypervisor_hostname,
        ...facts,
        created_at: now,
        updated_at: now,
      })
      .execute();
  await ensureHostProvider(trx, id, report);
}

/** Instances whose parts may be on the host: those that have it as theirs, deleted ones not. */
export async function listHostEntries(db: ComputeExecutor, host: string): Promise<InstanceEntry[]> {
  const rows = await db
    .selectFrom('instances')
    .selectAll()
    .where('host', '=', host)
    .where('deleted', '=', 0)
    .execute();
  return entriesOf(db, rows);
}

/** Corrects entries of guests that changed by themselves: powered off inside, crashed, or started by an operator. */
export async function reportPowerStates(
  { db, clock }: ComputeDeps,
  args: Parameters<ConductorRpc['reportPowerStates']>[0],
): Promise<void> {
  await db.transaction(async (trx) => {
    for (const { instance_id, power_state, seen_at } of args.states) {
      const entry = await trx
        .selectFrom('instances')
        .selectAll()
        .where('id', '=', instance_id)
        .where('host', '=', args.host)
        .where('deleted', '=', 0)
        .where('task_state', 'is', null)
        .executeTakeFirst();
      if (!entry || entry.updated_at !== seen_at) continue;
      const vm_state = correctedState(entry.vm_state, power_state);
      if (vm_state !== entry.vm_state || power_state !== entry.power_state)
        await updateInstance(trx, instance_id, { vm_state, power_state }, isoTime(clock));
    }
  });
}

function correctedState(vmState: VmState, powerState: number): VmState {
  if (vmState === 'active' && (powerState === POWER_STATE.shutdown || powerState === POWER_STATE.crashed))
    return 'stopped';
  return vmState;
}
