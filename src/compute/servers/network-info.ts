// Brings the interfaces that a server's entry shows up to date with its ports: after the API has changed one, and for
// whoever hears that the network service has.
import { describeVifs } from '#compute/host/vifs.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import type { InstanceRow } from '#compute/tables.ts';
import { updateInstance } from './store.ts';
import { vifsOf } from './view.ts';

/** Reads the ports that the entry has and writes what they are now. Ports that left the server are left out. */
export async function refreshNetworkInfo(
  deps: Pick<ComputeDeps, 'db' | 'network' | 'serviceToken'>,
  row: Pick<InstanceRow, 'id' | 'vifs_json'>,
): Promise<void> {
  const known = vifsOf(row);
  if (known.length === 0) return;
  const token = await deps.serviceToken();
  const ports = await deps.network.listPorts(token, { device_id: row.id });
  const ordered = known.flatMap((vif) => ports.find((port) => port.id === vif.port_id) ?? []);
  const facts = {
    owned: new Set(known.filter((vif) => vif.owned).map((vif) => vif.port_id)),
    tags: new Map(known.flatMap((vif) => (vif.tag === undefined ? [] : [[vif.port_id, vif.tag] as const]))),
  };
  const vifs = await describeVifs(deps.network, token, ordered, facts);
  const text = JSON.stringify(vifs);
  if (text !== row.vifs_json) await updateInstance(deps.db.kysely, row.id, { vifs_json: text });
}
