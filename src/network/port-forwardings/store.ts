// The rows of forwarded ports, and what they mean for the floating IPs and ports they tie together.
import type { PortForwardingRow } from '../tables.ts';
import type { Sql } from '../rest/deps.ts';
import type { Unit } from '../rest/northbound-work.ts';
import { deleteRows, equals, selectRows } from '../rest/select.ts';

export async function forwardingsOf(db: Sql, floatingIpId: string): Promise<PortForwardingRow[]> {
  return selectRows(db, 'port_forwardings', [equals('floatingip_id', floatingIpId)]);
}

export async function isForwarding(db: Sql, floatingIpId: string): Promise<boolean> {
  return (await forwardingsOf(db, floatingIpId)).length > 0;
}

/** The router through which a floating IP forwards. */
export async function giveRouter(db: Sql, floatingIpId: string, routerId: string): Promise<void> {
  await db.updateTable('floatingips').set({ router_id: routerId }).where('id', '=', floatingIpId).execute();
}

/** Removes it; a floating IP that forwards nothing any longer needs no router. */
export async function removeForwarding(unit: Unit, row: PortForwardingRow): Promise<void> {
  await deleteRows(unit.trx, 'port_forwardings', [equals('id', row.id)]);
  if (!(await isForwarding(unit.trx, row.floatingip_id)))
    await unit.trx
      .updateTable('floatingips')
      .set({ router_id: null })
      .where('id', '=', row.floatingip_id)
      .where('port_id', 'is', null)
      .execute();
  unit.touch('floatingip', row.floatingip_id);
}

/** Removes what leads to addresses that a port has no longer. */
export async function removeForwardingsTo(
  unit: Unit,
  portId: string,
  isLost: (address: string) => boolean = () => true,
): Promise<void> {
  const rows = await selectRows(unit.trx, 'port_forwardings', [equals('internal_port_id', portId)]);
  for (const row of rows.filter((each) => isLost(each.internal_ip_address)))
    await removeForwarding(unit, row);
}

/** Whether a port is forwarded through this router to an address of the subnet. */
export async function isForwardedTo(db: Sql, routerId: string, subnetId: string): Promise<boolean> {
  const found = await db
    .selectFrom('port_forwardings')
    .innerJoin('floatingips', 'floatingips.id', 'port_forwardings.floatingip_id')
    .innerJoin('ip_allocations', (join) =>
      join
        .onRef('ip_allocations.port_id', '=', 'port_forwardings.internal_port_id')
        .onRef('ip_allocations.ip_address', '=', 'port_forwardings.internal_ip_address'),
    )
    .select('port_forwardings.id')
    .where('floatingips.router_id', '=', routerId)
    .where('ip_allocations.subnet_id', '=', subnetId)
    .executeTakeFirst();
  return found !== undefined;
}
