// A network as a logical switch, and its way to the physical network where it has one. Pure.
import type { NetworkRow } from '../../tables.ts';
import type { DesiredRow } from '../desired.ts';
import { KEY, localnetName, switchName } from '../model.ts';

export function renderNetwork(network: NetworkRow): DesiredRow[] {
  const name = switchName(network.id);
  const logicalSwitch: DesiredRow = {
    table: 'Logical_Switch',
    key: name,
    columns: {
      name,
      other_config: { mcast_snoop: 'false', mcast_flood_unregistered: 'false', 'vlan-passthru': 'false' },
      external_ids: {
        [KEY.networkName]: network.name,
        [KEY.mtu]: String(network.mtu),
        [KEY.zoneHints]: (JSON.parse(network.availability_zone_hints) as string[]).join(','),
        [KEY.revision]: String(network.revision_number),
      },
    },
  };
  return network.physical_network === null
    ? [logicalSwitch]
    : [logicalSwitch, localnetPort(network, network.physical_network)];
}

function localnetPort(network: NetworkRow, physicalNetwork: string): DesiredRow {
  const name = localnetName(network.id);
  return {
    table: 'Logical_Switch_Port',
    key: name,
    columns: {
      name,
      type: 'localnet',
      addresses: ['unknown'],
      port_security: [],
      tag: network.network_type === 'vlan' ? network.segmentation_id : null,
      options: {
        network_name: physicalNetwork,
        mcast_flood: 'false',
        mcast_flood_reports: 'true',
        localnet_learn_fdb: 'false',
      },
      external_ids: {},
    },
    parent: { table: 'Logical_Switch', key: switchName(network.id), column: 'ports' },
  };
}
