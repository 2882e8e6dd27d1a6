// A northbound database that is not the cloud's alone: which cloud it serves, and its end as that. One cloud at a time,
// because rows are known by names that every cloud of this kind gives. Called by src/cloud.
import { connectOvsdb, type OvsdbClient } from '#platform/ovsdb/client.ts';
import { DROP_GROUP, idInGroupName, idInName, idInSetName, KEY, nbTables, type Nb } from './model.ts';

const CLAIM = 'pileus-cloud';
const READY_MS = 5000;

const connect = (endpoint: string): OvsdbClient<Nb> =>
  connectOvsdb({ endpoint, database: 'OVN_Northbound', tables: nbTables, readyDeadlineMs: READY_MS });

/** @returns whom the database serves when it is not `cloud`: a mark, or 'unmarked' for rows of a cloud that left none */
export async function claimNorthbound(endpoint: string, cloud: string): Promise<string | undefined> {
  await using nb = connect(endpoint);
  await nb.ready;
  const [global] = nb.table('NB_Global').list();
  if (!global) return 'nobody: it was never initialised';
  const holder = global.external_ids[CLAIM];
  if (holder === cloud) return undefined;
  if (holder !== undefined) return holder;
  if (ownRows(nb).length > 0) return 'unmarked';
  const tx = nb.transaction();
  tx.wait('NB_Global', global._uuid, { external_ids: global.external_ids });
  tx.mutate('NB_Global', global._uuid, ['external_ids', 'insert', { [CLAIM]: cloud }]);
  await tx.commit();
  return undefined;
}

/** Removes all rows if the database serves `cloud`, and its mark. @returns how many rows there were, without their parts */
export async function removeOwnRows(endpoint: string, cloud: string): Promise<number> {
  await using nb = connect(endpoint);
  await nb.ready;
  const [global] = nb.table('NB_Global').list();
  if (global?.external_ids[CLAIM] !== cloud) return 0;
  const rows = ownRows(nb);
  const tx = nb.transaction();
  for (const { table, uuid } of rows) tx.delete(table, uuid);
  tx.mutate('NB_Global', global._uuid, ['external_ids', 'delete', [CLAIM]]);
  await tx.commit();
  return rows.length;
}

type RootTable =
  | 'Logical_Switch'
  | 'Logical_Router'
  | 'Port_Group'
  | 'Address_Set'
  | 'DHCP_Options'
  | 'Load_Balancer';

/** Rows that nothing else holds; their parts go with them. */
function ownRows(nb: OvsdbClient<Nb>): Array<{ table: RootTable; uuid: string }> {
  const of = (table: RootTable, uuids: string[]) => uuids.map((uuid) => ({ table, uuid }));
  const named = (
    table: Exclude<RootTable, 'DHCP_Options' | 'Load_Balancer'>,
    isOwn: (name: string) => boolean,
  ) =>
    of(
      table,
      nb
        .table(table)
        .list((row) => isOwn(row.name))
        .map((row) => row._uuid),
    );
  return [
    ...named('Logical_Router', (name) => idInName(name) !== undefined),
    ...named('Logical_Switch', (name) => idInName(name) !== undefined),
    ...named('Port_Group', (name) => name === DROP_GROUP || idInGroupName(name) !== undefined),
    ...named('Address_Set', (name) => idInSetName(name) !== undefined),
    ...of(
      'Load_Balancer',
      nb
        .table('Load_Balancer')
        .list((row) => row.external_ids[KEY.fip] !== undefined)
        .map((row) => row._uuid),
    ),
    ...of(
      'DHCP_Options',
      nb
        .table('DHCP_Options')
        .list((row) => row.external_ids[KEY.subnet] !== undefined)
        .map((row) => row._uuid),
    ),
  ];
}
