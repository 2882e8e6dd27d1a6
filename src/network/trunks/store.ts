// SQL of trunks and the subports in them.
import type { Engine } from '#platform/sql/database.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { PortRow, SubportRow, TrunkRow } from '../tables.ts';
import { conflict } from '../errors.ts';
import type { Sql } from '../rest/deps.ts';
import type { Unit } from '../rest/northbound-work.ts';
import { bumpRevision, deleteRows, equals, inList, insertRow, selectRows } from '../rest/select.ts';

/** What a subport is to the API: owned by its trunk. */
export const SUBPORT_OWNER = 'trunk:subport';

/** By trunk, in the order of their tags. */
export async function subportsOfTrunks(
  db: Sql,
  engine: Engine,
  trunkIds: readonly string[],
): Promise<Map<string, SubportRow[]>> {
  if (trunkIds.length === 0) return new Map();
  const rows = await selectRows(db, 'subports', [inList(engine, 'trunk_id', trunkIds)]);
  return Map.groupBy(
    rows.sort((a, b) => a.segmentation_id - b.segmentation_id),
    (row) => row.trunk_id,
  );
}

export async function findTrunkOf(db: Sql, portId: string): Promise<TrunkRow | undefined> {
  return (await selectRows(db, 'trunks', [equals('port_id', portId)]))[0];
}

export async function findSubport(db: Sql, portId: string): Promise<SubportRow | undefined> {
  return (await selectRows(db, 'subports', [equals('port_id', portId)]))[0];
}

/** @throws NetworkError 409 while the port is in a trunk */
export async function checkNotTrunked(db: Sql, portId: string): Promise<void> {
  const subport = await findSubport(db, portId);
  if (subport)
    throw conflict(
      'PortInUseAsSubPort',
      `Port ${portId} is currently a subport for trunk ${subport.trunk_id}.`,
    );
  const trunk = await findTrunkOf(db, portId);
  if (trunk)
    throw conflict(
      'PortInUseAsTrunkParent',
      `Port ${portId} is currently a parent port for trunk ${trunk.id}.`,
    );
}

export function parentInUse(portId: string): Error {
  return conflict(
    'ParentPortInUse',
    `Port ${portId} is currently in use and is not eligible for use as a parent port.`,
  );
}

/** @throws NetworkError 409 when the port was given a trunk by a request at the same time */
export async function insertTrunk(db: Sql, row: TrunkRow): Promise<void> {
  try {
    await insertRow(db, 'trunks', row);
  } catch (error) {
    if (isUniqueViolation(error)) throw parentInUse(row.port_id);
    throw error;
  }
}

/** @throws NetworkError 409 when the trunk has the tag, or the port is in a trunk, by a request at the same time */
export async function addSubport(unit: Unit, trunk: TrunkRow, port: PortRow, row: SubportRow): Promise<void> {
  try {
    await insertRow(unit.trx, 'subports', row);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw conflict(
      'DuplicateSubPort',
      `segmentation_type ${row.segmentation_type} and segmentation_id ${row.segmentation_id} already in use on trunk ${trunk.id}.`,
    );
  }
  const profile = JSON.parse(port.binding_profile) as Record<string, unknown>;
  await own(unit, port, SUBPORT_OWNER, { ...profile, parent_name: trunk.port_id, tag: row.segmentation_id });
}

export async function removeSubport(unit: Unit, row: SubportRow): Promise<void> {
  await deleteRows(unit.trx, 'subports', [equals('port_id', row.port_id)]);
  const [port] = await selectRows(unit.trx, 'ports', [equals('id', row.port_id)]);
  if (!port) return;
  const profile = JSON.parse(port.binding_profile) as Record<string, unknown>;
  delete profile['parent_name'];
  delete profile['tag'];
  await own(unit, port, port.device_owner === SUBPORT_OWNER ? '' : port.device_owner, profile);
}

async function own(unit: Unit, port: PortRow, owner: string, profile: object): Promise<void> {
  await unit.trx
    .updateTable('ports')
    .set({ device_owner: owner, binding_profile: JSON.stringify(profile) })
    .where('id', '=', port.id)
    .execute();
  await bumpRevision(unit.trx, 'ports', port.id, unit.now);
  unit.touch('port', port.id);
}
