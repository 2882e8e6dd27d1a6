// `trunk_details` of ports that have a trunk, for any number of ports in as many statements.
import type { PortRow } from '../tables.ts';
import type { NetworkDeps, Sql, View } from '../rest/deps.ts';
import { inList, selectColumns, selectRows } from '../rest/select.ts';
import { subportsOfTrunks } from './store.ts';

/** @returns by port: what its view has more; a port without a trunk is not in it */
export async function trunkDetails(
  rows: readonly PortRow[],
  { db: { engine } }: NetworkDeps,
  db: Sql,
): Promise<ReadonlyMap<string, View>> {
  const ids = rows.map((row) => row.id);
  const trunks = await selectRows(db, 'trunks', [inList(engine, 'port_id', ids)]);
  if (trunks.length === 0) return new Map();
  const subports = await subportsOfTrunks(
    db,
    engine,
    trunks.map((trunk) => trunk.id),
  );
  const portIds = [...subports.values()].flat().map((each) => each.port_id);
  const macs = new Map(
    (await selectColumns(db, 'ports', ['id', 'mac_address'], [inList(engine, 'id', portIds)])).map((row) => [
      row['id'],
      row['mac_address'],
    ]),
  );
  return new Map(
    trunks.map((trunk) => [
      trunk.port_id,
      {
        trunk_details: {
          trunk_id: trunk.id,
          sub_ports: (subports.get(trunk.id) ?? []).map(
            ({ port_id, segmentation_type, segmentation_id }) => ({
              port_id,
              segmentation_type,
              segmentation_id,
              mac_address: macs.get(port_id),
            }),
          ),
        },
      },
    ]),
  );
}
