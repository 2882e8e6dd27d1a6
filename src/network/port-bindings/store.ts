// SQL of the bindings that are not active. The active one is the port's own row.
import type { PortBindingRow, PortRow } from '../tables.ts';
import type { Sql } from '../rest/deps.ts';
import { deleteRows, equals, insertRow, selectRows } from '../rest/select.ts';

/** In the order of their hosts' names. */
export async function inactiveBindingsOf(db: Sql, portId: string): Promise<PortBindingRow[]> {
  const rows = await selectRows(db, 'port_bindings', [equals('port_id', portId)]);
  return rows.sort((a, b) => (a.host < b.host ? -1 : 1));
}

/** Writes it, in the place of one for the same host. */
export async function putInactiveBinding(db: Sql, row: PortBindingRow): Promise<void> {
  await removeInactiveBinding(db, row.port_id, row.host);
  await insertRow(db, 'port_bindings', row);
}

export async function removeInactiveBinding(db: Sql, portId: string, host: string): Promise<void> {
  await deleteRows(db, 'port_bindings', [equals('port_id', portId), equals('host', host)]);
}

/**
 * What stays of the inactive ones when the active one was changed by another way: none for the host that the port is now
 * bound to, and none at all for a port that is bound nowhere.
 */
export async function pruneInactiveBindings(
  db: Sql,
  { id, binding_host_id: host }: Pick<PortRow, 'id' | 'binding_host_id'>,
): Promise<void> {
  if (host === '') await removeInactiveBindings(db, id);
  else await removeInactiveBinding(db, id, host);
}

export async function removeInactiveBindings(db: Sql, portId: string): Promise<void> {
  await deleteRows(db, 'port_bindings', [equals('port_id', portId)]);
}
