// Keeps the addresses that instances show equal to what the network service says: floating IPs, changed or removed ports.
// A change there nudges; what is written is read anew, and everything is read again now and then.
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Subscription } from '#platform/bus/bus.ts';
import type { ComputeDeps } from '../deps.ts';
import { describeVifs } from '../host/vifs.ts';
import type { Vif } from '../tables.ts';

const FULL_INTERVAL_MS = 300_000; // how long a lost nudge can leave a wrong address
/** Instances described together: the query strings of the list calls grow with them. */
const BATCH = 50;
/** Kinds of resources whose change can show in a server's addresses. */
const SHOWN = new Set(['port', 'floatingip', 'subnet', 'network']);

export async function startRefreshAddresses(deps: ComputeDeps): Promise<AsyncDisposable> {
  const loop: Loop = startLoop({
    name: 'refresh-addresses',
    intervalMs: FULL_INTERVAL_MS,
    log: deps.log,
    run: async (signal) => refreshAddresses(deps, signal),
  });
  const subscription: Subscription = await deps.bus.subscribe('network.changed', (payload) => {
    const { refs } = payload as { refs: ReadonlyArray<{ kind: string }> };
    if (refs.some((ref) => SHOWN.has(ref.kind))) loop.nudge();
  });
  return {
    [Symbol.asyncDispose]: async () => {
      await subscription.close();
      await loop[Symbol.asyncDispose]();
    },
  };
}

export async function refreshAddresses(deps: ComputeDeps, signal?: AbortSignal): Promise<void> {
  const rows = await deps.db.kysely
    .selectFrom('instances')
    .select(['id', 'vifs_json'])
    .where('deleted', '=', 0)
    .where('vifs_json', '!=', '[]')
    .where('vm_state', 'not in', ['building', 'error'])
    .where('task_state', 'is', null)
    .execute();
  for (let at = 0; at < rows.length; at += BATCH) {
    signal?.throwIfAborted();
    await refreshBatch(deps, rows.slice(at, at + BATCH));
  }
}

async function refreshBatch(
  deps: ComputeDeps,
  rows: ReadonlyArray<{ id: string; vifs_json: string }>,
): Promise<void> {
  const token = await deps.serviceToken();
  const ports = await deps.network.listPorts(token, { device_id: rows.map((row) => row.id) });
  const known = new Map(
    rows.flatMap((row) => (JSON.parse(row.vifs_json) as Vif[]).map((vif) => [vif.port_id, vif] as const)),
  );
  const facts = {
    owned: new Set([...known.values()].filter((vif) => vif.owned).map((vif) => vif.port_id)),
    tags: new Map(
      [...known.values()].flatMap((vif) => (vif.tag === undefined ? [] : [[vif.port_id, vif.tag] as const])),
    ),
  };
  const described = new Map(
    (
      await describeVifs(
        deps.network,
        token,
        ports.filter((port) => known.has(port.id)),
        facts,
      )
    ).map((vif) => [vif.port_id, vif]),
  );
  for (const row of rows) {
    const before = JSON.parse(row.vifs_json) as Vif[];
    const after = before.flatMap((vif) => described.get(vif.port_id) ?? []);
    const text = JSON.stringify(after);
    if (text === row.vifs_json) continue;
    // Only when nobody has written them in the meantime: an attach or a launch knows better.
    await deps.db.kysely
      .updateTable('instances')
      .set({ vifs_json: text, updated_at: isoTime(deps.clock) })
      .where('id', '=', row.id)
      .where('vifs_json', '=', row.vifs_json)
      .where('task_state', 'is', null)
      .execute();
  }
}
