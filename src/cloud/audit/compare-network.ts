// Ports and their rows in OVN: each side must have what the other has. Called by compare.ts.
import { Servers } from './servers.ts';
import type { OvnThings, Things } from './things.ts';

const GUEST_RUNS = new Set(['active', 'paused']);
/** Device owners of ports that OVN has as router ports or not at all. */
const OWN_ROWS = /^network:(floatingip|router_)/;

export function compareNetwork(things: Things, servers: Servers): string[] {
  return [
    ...ports(things, servers),
    ...(things.ovn ? [...northbound(things, things.ovn, servers), ...southbound(things.ovn, servers)] : []),
  ];
}

function ports({ records }: Things, servers: Servers): string[] {
  const ids = new Set(records.ports.map((port) => port.id));
  const routers = new Set(records.routers);
  const floatingIps = new Set(records.floatingIps);
  const owners = records.ports.flatMap(({ id, device_owner: owner, device_id: device }) => {
    if (owner.startsWith('compute:') && servers.isAbsent(device))
      return [`orphan: port ${id} is of server ${device}, which is not there`];
    if (owner.startsWith('network:router_') && !routers.has(device))
      return [`orphan: port ${id} is of router ${device}, which is not there`];
    if (owner === 'network:floatingip' && device !== '' && !floatingIps.has(device) && device !== 'PENDING')
      return [`orphan: port ${id} is of floating IP ${device}, which is not there`];
    return [];
  });
  const addresses = records.addresses
    .filter((each) => !ids.has(each.port_id))
    .map((each) => `orphan: address ${each.ip_address} is of port ${each.port_id}, which is not there`);
  const lost = servers.resting.flatMap((server) =>
    (JSON.parse(server.vifs_json) as Array<{ port_id: string }>)
      .filter((vif) => !ids.has(vif.port_id))
      .map((vif) => `missing: ${Servers.describe(server)} shows port ${vif.port_id}, which is not there`),
  );
  return [...owners, ...addresses, ...lost];
}

/** What `have` has beyond `want`, and lacks of it. Both name one kind of thing. */
function differences(kind: string, have: Iterable<string>, want: Iterable<string>): string[] {
  const [there, wanted] = [new Set(have), new Set(want)];
  return [
    ...[...there.difference(wanted)].map(
      (id) => `orphan: ovn-nb has ${kind} ${id}, the network service has not`,
    ),
    ...[...wanted.difference(there)].map((id) => `missing: ovn-nb lacks ${kind} ${id}`),
  ];
}

function northbound({ records }: Things, ovn: OvnThings, servers: Servers): string[] {
  const resting = records.ports.filter((port) => !servers.isBusy(port.device_id));
  const moving = new Set(records.ports.filter((port) => !resting.includes(port)).map((port) => port.id));
  const rested = (id: string): boolean => !moving.has(id);
  const subnets = new Set(records.subnets);
  const portIds = new Set(records.ports.map((port) => port.id));
  return [
    ...differences('the switch of network', ovn.switches, records.networks),
    ...differences('the router', ovn.routers, records.routers),
    ...differences(
      'the port group of security group',
      ovn.portGroups.map((group) => group.groupId),
      records.securityGroups,
    ),
    ...differences(
      'the port',
      ovn.switchPorts.map((port) => port.portId).filter(rested),
      resting.filter((port) => !OWN_ROWS.test(port.device_owner)).map((port) => port.id),
    ).filter((sentence) => !isRouterPort(sentence, records)),
    ...differences(
      'the member (group and port)',
      ovn.portGroups.flatMap(({ groupId, portIds: members }) =>
        members.filter(rested).map((id) => `${groupId} ${id}`),
      ),
      records.groupsOfPorts
        .filter((each) => rested(each.port_id))
        .map((each) => `${each.security_group_id} ${each.port_id}`),
    ),
    ...ovn.dhcpOptions
      .filter((row) => !subnets.has(row.subnetId) || (row.portId !== undefined && !portIds.has(row.portId)))
      .map((row) => `orphan: ovn-nb has DHCP options of subnet ${row.subnetId}, which is not there`),
    ...[...new Set(ovn.floatingIps)]
      .filter((id) => !records.floatingIps.includes(id))
      .map((id) => `orphan: ovn-nb translates floating IP ${id}, which is not there`),
    ...ovn.limits
      .filter((owner) => !portIds.has(owner) && !records.floatingIps.includes(owner))
      .map((owner) => `orphan: ovn-nb limits or marks ${owner}, no port and no floating IP`),
  ];
}

/** The switch's side of a router port bears the port's id too. */
function isRouterPort(sentence: string, { ports: all }: Things['records']): boolean {
  return all.some((port) => OWN_ROWS.test(port.device_owner) && sentence.includes(port.id));
}

function southbound(ovn: OvnThings, servers: Servers): string[] {
  const bindings = new Map(ovn.bindings.map((binding) => [binding.portId, binding]));
  const known = new Set(ovn.switchPorts.map((port) => port.portId));
  const orphans = ovn.bindings
    .filter(({ portId }) => !known.has(portId))
    .map(({ portId }) => `orphan: ovn-sb binds port ${portId}, which ovn-nb does not have`);
  const down = servers.resting
    .filter((server) => GUEST_RUNS.has(server.vm_state))
    .flatMap((server) =>
      (JSON.parse(server.vifs_json) as Array<{ port_id: string }>).flatMap(({ port_id }) => {
        const binding = bindings.get(port_id);
        const who = Servers.describe(server);
        if (!binding) return [`missing: port ${port_id} of ${who} has no binding in ovn-sb`];
        if (binding.chassis !== (server.host ?? undefined))
          return [
            `missing: port ${port_id} of ${who} is claimed by ${binding.chassis ?? 'no chassis'}, not ${server.host}`,
          ];
        return binding.up ? [] : [`missing: port ${port_id} of ${who} is not up`];
      }),
    );
  return [...orphans, ...down];
}
