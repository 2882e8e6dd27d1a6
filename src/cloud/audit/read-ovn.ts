// OVN's own rows, as an audit compares them: a snapshot of each database by a client of its own.
import { northbound, southbound } from '#drivers/ovn/schema.ts';
import { idInGroupName, idInName, KEY } from '#network/ovn/model.ts';
import { connectOvsdb } from '#platform/ovsdb/client.ts';
import type { Endpoint } from '#platform/ovsdb/endpoint.ts';
import type { OvnThings } from './things.ts';

const READY_MS = 5000;

const nbTables = {
  Logical_Switch: northbound.Logical_Switch,
  Logical_Router: northbound.Logical_Router,
  Logical_Switch_Port: northbound.Logical_Switch_Port,
  Port_Group: northbound.Port_Group,
  DHCP_Options: northbound.DHCP_Options,
  NAT: northbound.NAT,
  Load_Balancer: northbound.Load_Balancer,
  QoS: northbound.QoS,
};
const sbTables = { Port_Binding: southbound.Port_Binding, Chassis: southbound.Chassis };

/** @throws OvsdbTimeoutError when a database does not answer */
export async function readOvn(nbEndpoint: Endpoint, sbEndpoint: Endpoint): Promise<OvnThings> {
  const readyDeadlineMs = READY_MS;
  await using nb = connectOvsdb({
    endpoint: nbEndpoint,
    database: 'OVN_Northbound',
    tables: nbTables,
    readyDeadlineMs,
  });
  await using sb = connectOvsdb({
    endpoint: sbEndpoint,
    database: 'OVN_Southbound',
    tables: sbTables,
    readyDeadlineMs,
  });
  await Promise.all([nb.ready, sb.ready]);
  const ports = nb.table('Logical_Switch_Port');
  return {
    switches: nb
      .table('Logical_Switch')
      .list()
      .flatMap((row) => idInName(row.name) ?? []),
    routers: nb
      .table('Logical_Router')
      .list()
      .flatMap((row) => idInName(row.name) ?? []),
    switchPorts: ports
      .list((row) => row.external_ids[KEY.revision] !== undefined && row.type !== 'localnet')
      .map((row) => ({ portId: row.name })),
    portGroups: nb
      .table('Port_Group')
      .list()
      .flatMap((row) => {
        const groupId = idInGroupName(row.name);
        return groupId === undefined
          ? []
          : [{ groupId, portIds: row.ports.flatMap((uuid) => ports.get(uuid)?.name ?? []) }];
      }),
    dhcpOptions: nb
      .table('DHCP_Options')
      .list((row) => row.external_ids[KEY.subnet] !== undefined)
      .map((row) => ({
        subnetId: row.external_ids[KEY.subnet] ?? '', // the list has only rows with one
        portId: row.external_ids[KEY.port],
      })),
    floatingIps: [...nb.table('NAT').list(), ...nb.table('Load_Balancer').list()].flatMap(
      (row) => row.external_ids[KEY.fip] ?? [],
    ),
    limits: nb
      .table('QoS')
      .list()
      .flatMap(({ external_ids: ids }) => ids[KEY.qosPort] ?? ids[KEY.fip] ?? []),
    bindings: sb
      .table('Port_Binding')
      .list((row) => row.type === '')
      .map((row) => ({
        portId: row.logical_port,
        chassis: row.chassis === null ? undefined : sb.table('Chassis').get(row.chassis)?.hostname,
        up: row.up === true,
      })),
  };
}
