// Where subports of trunks are: below which port and under which tag. Read for the units that are rendered.
import type { Database } from '#platform/sql/database.ts';
import { inList, selectRows } from '../rest/select.ts';
import type { NetworkTables, PortRow } from '../tables.ts';

export interface TrunkPlace {
  readonly parent: PortRow;
  readonly tag: number;
}

type Db = Database<NetworkTables>;

/** By the subport's id. */
export async function trunkPlaces(db: Db, portIds: readonly string[]): Promise<Map<string, TrunkPlace>> {
  if (portIds.length === 0) return new Map();
  const subports = await selectRows(db.kysely, 'subports', [inList(db.engine, 'port_id', portIds)]);
  if (subports.length === 0) return new Map();
  const trunkIds = [...new Set(subports.map((row) => row.trunk_id))];
  const trunks = await selectRows(db.kysely, 'trunks', [inList(db.engine, 'id', trunkIds)]);
  const parentIds = trunks.map((trunk) => trunk.port_id);
  const parents = await selectRows(db.kysely, 'ports', [inList(db.engine, 'id', parentIds)]);
  const parentOf = new Map(
    trunks.map((trunk) => [trunk.id, parents.find((port) => port.id === trunk.port_id)]),
  );
  return new Map(
    subports.flatMap((row) => {
      const parent = parentOf.get(row.trunk_id);
      return parent ? [[row.port_id, { parent, tag: row.segmentation_id }]] : [];
    }),
  );
}

/** Subports follow their parent to its host. */
export async function subportIdsOfParents(db: Db, portIds: readonly string[]): Promise<string[]> {
  if (portIds.length === 0) return [];
  const trunks = await selectRows(db.kysely, 'trunks', [inList(db.engine, 'port_id', portIds)]);
  if (trunks.length === 0) return [];
  const ids = trunks.map((trunk) => trunk.id);
  const subports = await selectRows(db.kysely, 'subports', [inList(db.engine, 'trunk_id', ids)]);
  return subports.map((row) => row.port_id);
}
