// A router as a logical router with its ports, its gateway's chassis, routes and address translation. Pure.
import { DISTRIBUTED, ROUTER_GATEWAY } from '../../ports/owners.ts';
import type { PortRow, RouterRow, SubnetRow } from '../../tables.ts';
import type { DesiredRow, PartOf } from '../desired.ts';
import { cidrsOfPort, subnetsOfPort, type Facts, type RenderOptions } from '../facts.ts';
import { renderFloatingIpQos } from './qos.ts';
import { balancerName, KEY, PORT_FORWARDING, routerName, routerPortName } from '../model.ts';

type Nat = Extract<PartOf, { table: 'NAT' }>['rows'][number];
type Balancer = Extract<PartOf, { table: 'Load_Balancer' }>['rows'][number];
type Route = Extract<PartOf, { table: 'Logical_Router_Static_Route' }>['rows'][number];

/** Chassis for a gateway on `physicalNetwork`, the one to carry it first. */
export type ChooseGateways = (gatewayPortId: string, physicalNetwork: string | null) => readonly string[];

export function renderRouter(
  router: RouterRow,
  facts: Facts,
  options: RenderOptions,
  chooseGateways: ChooseGateways,
): DesiredRow[] {
  const ports = facts.portsOfRouter.get(router.id) ?? [];
  const gateway = ports.find((port) => port.id === router.gateway_port_id);
  const interfaces = ports.filter((port) => port.device_owner !== ROUTER_GATEWAY);
  const name = routerName(router.id);
  const logicalRouter: DesiredRow = {
    table: 'Logical_Router',
    key: name,
    columns: {
      name,
      enabled: router.admin_state_up === 1,
      options: { always_learn_from_arp_request: 'false', dynamic_neigh_routers: 'true' },
      external_ids: {
        [KEY.routerName]: router.name,
        [KEY.gatewayPort]: router.gateway_port_id ?? '',
        [KEY.zoneHints]: (JSON.parse(router.availability_zone_hints) as string[]).join(','),
        [KEY.revision]: String(router.revision_number),
      },
    },
    parts: [
      {
        table: 'Logical_Router_Static_Route',
        column: 'static_routes',
        rows: routesOf(router, gateway, facts),
      },
      { table: 'NAT', column: 'nat', rows: natOf(router, gateway, interfaces, facts, options) },
      { table: 'Load_Balancer', column: 'load_balancer', rows: gateway ? balancersOf(router, facts) : [] },
    ],
  };
  const rows = interfaces.map((port) => routerPort(router, port, facts, []));
  if (gateway) {
    const network = facts.networks.get(gateway.network_id);
    rows.push(
      routerPort(router, gateway, facts, chooseGateways(gateway.id, network?.physical_network ?? null)),
    );
  }
  return [
    logicalRouter,
    ...rows.filter((row) => row !== undefined),
    ...renderFloatingIpQos(router, gateway, facts, options),
  ];
}

/** Undefined while the port has no address: OVN takes no port without one. */
function routerPort(
  router: RouterRow,
  port: PortRow,
  facts: Facts,
  chassis: readonly string[],
): DesiredRow | undefined {
  const name = routerPortName(port.id);
  const networks = cidrsOfPort(port.id, facts);
  if (networks.length === 0) return undefined;
  const isGateway = port.device_owner === ROUTER_GATEWAY;
  return {
    table: 'Logical_Router_Port',
    key: name,
    columns: {
      name,
      mac: port.mac_address,
      networks,
      enabled: port.admin_state_up === 1,
      options: isGateway ? {} : interfaceOptions(port, facts),
      ipv6_ra_configs: isGateway ? {} : routerAdvertisements(port, facts),
      external_ids: {
        [KEY.routerName]: router.id,
        [KEY.networkName]: `neutron-${port.network_id}`,
        [KEY.subnetIds]: subnetsOfPort(port.id, facts)
          .map((subnet) => subnet.id)
          .join(' '),
        ...(isGateway ? { [KEY.isGateway]: 'True' } : {}),
        [KEY.revision]: String(port.revision_number),
      },
    },
    parent: { table: 'Logical_Router', key: routerName(router.id), column: 'ports' },
    parts: [
      {
        table: 'Gateway_Chassis',
        column: 'gateway_chassis',
        rows: chassis.map((each, index) => ({
          name: `${name}_${each}`,
          chassis_name: each,
          priority: chassis.length - index,
        })),
      },
    ],
  };
}

/** On networks with a physical side the router's MAC must not show up on every host's uplink at once. */
function interfaceOptions(port: PortRow, facts: Facts): Record<string, string> {
  const network = facts.networks.get(port.network_id);
  return network?.network_type === 'vlan' || network?.network_type === 'flat'
    ? { 'reside-on-redirect-chassis': 'true' }
    : {};
}

const ADDRESS_MODES = {
  slaac: 'slaac',
  'dhcpv6-stateful': 'dhcpv6_stateful',
  'dhcpv6-stateless': 'dhcpv6_stateless',
} as const;

function routerAdvertisements(port: PortRow, facts: Facts): Record<string, string> {
  const subnet = subnetsOfPort(port.id, facts).find(
    (each) => each.ip_version === 6 && each.ipv6_ra_mode !== null,
  );
  if (!subnet?.ipv6_ra_mode) return {};
  const mtu = facts.networks.get(subnet.network_id)?.mtu;
  const servers = (JSON.parse(subnet.dns_nameservers) as string[]).filter((each) => each.includes(':'));
  return {
    address_mode: ADDRESS_MODES[subnet.ipv6_address_mode ?? subnet.ipv6_ra_mode],
    send_periodic: 'true',
    ...(mtu === undefined ? {} : { mtu: String(mtu) }),
    // OVN announces one server.
    ...(servers[0] === undefined ? {} : { rdnss: servers[0] }),
  };
}

function route(ip_prefix: string, nexthop: string, external_ids: Record<string, string>): Route {
  return {
    ip_prefix,
    nexthop,
    policy: null,
    output_port: null,
    route_table: '',
    options: {},
    external_ids,
  };
}

function routesOf(router: RouterRow, gateway: PortRow | undefined, facts: Facts): Route[] {
  const extra = JSON.parse(router.routes) as Array<{ destination: string; nexthop: string }>;
  const defaults = gateway
    ? subnetsOfPort(gateway.id, facts).filter((subnet) => subnet.gateway_ip !== null)
    : [];
  return [
    ...defaults.map((subnet) =>
      route(subnet.ip_version === 4 ? '0.0.0.0/0' : '::/0', subnet.gateway_ip ?? '', {
        [KEY.isGateway]: 'true',
        'neutron:subnet_id': subnet.id,
      }),
    ),
    ...extra.map((each) => route(each.destination, each.nexthop, {})),
  ];
}

function nat(columns: Nat): Nat {
  return {
    external_mac: null,
    logical_port: null,
    external_port_range: '',
    options: {},
    external_ids: {},
    ...columns,
  };
}

function natOf(
  router: RouterRow,
  gateway: PortRow | undefined,
  interfaces: readonly PortRow[],
  facts: Facts,
  options: RenderOptions,
): Nat[] {
  if (!gateway) return [];
  return [
    ...(router.enable_snat === 1 ? sourceNat(gateway, interfaces, facts) : []),
    ...floatingIps(router, facts, options),
  ];
}

function sourceNat(gateway: PortRow, interfaces: readonly PortRow[], facts: Facts): Nat[] {
  const external = (facts.addressesOfPort.get(gateway.id) ?? []).find(
    (each) => !each.ip_address.includes(':'),
  );
  if (!external) return [];
  const subnets = new Map<string, SubnetRow>();
  for (const port of interfaces)
    for (const subnet of subnetsOfPort(port.id, facts))
      if (subnet.ip_version === 4) subnets.set(subnet.cidr, subnet);
  return [...subnets.keys()]
    .toSorted()
    .map((cidr) => nat({ type: 'snat', external_ip: external.ip_address, logical_ip: cidr }));
}

function floatingIps(router: RouterRow, facts: Facts, options: RenderOptions): Nat[] {
  return (facts.floatingIpsOfRouter.get(router.id) ?? []).flatMap((fip) => {
    if (fip.port_id === null || fip.fixed_ip_address === null) return [];
    const mac = facts.ports.get(fip.floating_port_id)?.mac_address ?? '';
    const inner = facts.ports.get(fip.port_id);
    const distributed =
      options.distributedFloatingIps &&
      inner !== undefined &&
      inner.binding_host_id !== '' &&
      inner.device_owner !== DISTRIBUTED;
    return [
      nat({
        type: 'dnat_and_snat',
        external_ip: fip.floating_ip_address,
        logical_ip: fip.fixed_ip_address,
        ...(distributed ? { external_mac: mac, logical_port: fip.port_id } : {}),
        external_ids: {
          [KEY.fip]: fip.id,
          [KEY.fipPort]: fip.port_id,
          [KEY.fipMac]: mac,
          [KEY.fipNetwork]: fip.floating_network_id,
          [KEY.routerName]: routerName(router.id),
          [KEY.revision]: String(fip.revision_number),
        },
      }),
    ];
  });
}

/** Forwarded ports of floating IPs: one balancer a floating IP and protocol, with one inner address for each port. */
function balancersOf(router: RouterRow, facts: Facts): Balancer[] {
  return (facts.floatingIpsOfRouter.get(router.id) ?? []).flatMap((fip) => {
    const byProtocol = Map.groupBy(facts.forwardingsOfFloatingIp.get(fip.id) ?? [], (each) => each.protocol);
    return [...byProtocol].map(([protocol, forwardings]) => ({
      name: balancerName(fip.id, protocol),
      vips: Object.fromEntries(
        forwardings.map((each) => [
          `${fip.floating_ip_address}:${each.external_port}`,
          `${each.internal_ip_address}:${each.internal_port}`,
        ]),
      ),
      protocol,
      options: {},
      external_ids: {
        [KEY.deviceOwner]: PORT_FORWARDING,
        [KEY.fip]: fip.id,
        [KEY.routerName]: routerName(router.id),
      },
    }));
  });
}
