// QoS policies as QoS rows of switches: a port's on its own switch, a floating IP's on the external one, where its packets
// pass the router's gateway port. One row a direction carries both limit and mark. Pure.
import { DISTRIBUTED } from '../../ports/owners.ts';
import { policyOfFloatingIp, policyOfPort } from '../../qos-policies/effective.ts';
import type { FloatingIpRow, PortRow, QosRuleRow, RouterRow } from '../../tables.ts';
import type { DesiredRow } from '../desired.ts';
import type { Facts, RenderOptions } from '../facts.ts';
import { KEY, qosKey, routerName, routerPortName, switchName } from '../model.ts';

type Direction = QosRuleRow['direction'];
type Columns = Extract<DesiredRow, { table: 'QoS' }>['columns'];

/** ML2/OVN's, so that what its tools look for is found. */
const PRIORITY = 2002;

export function renderPortQos(port: PortRow, facts: Facts): DesiredRow[] {
  const policy = policyOfPort(port, facts.networks.get(port.network_id)?.qos_policy_id);
  return bothWays((direction) => ({
    key: qosKey('port', port.id, lport(direction)),
    network: port.network_id,
    match: portMatch(direction, port.id),
    does: actionOf(direction, policy, facts),
    external_ids: { [KEY.qosPort]: port.id },
  }));
}

/** Of the floating IPs of a router. Those that forward single ports have no flow of their own to limit. */
export function renderFloatingIpQos(
  router: RouterRow,
  gateway: PortRow | undefined,
  facts: Facts,
  options: RenderOptions,
): DesiredRow[] {
  if (!gateway) return [];
  return (facts.floatingIpsOfRouter.get(router.id) ?? []).flatMap((fip) => {
    if (fip.port_id === null) return [];
    const policy = policyOfFloatingIp(fip, facts.networks.get(fip.floating_network_id)?.qos_policy_id);
    const resident = residentPort(fip, gateway, facts, options);
    return bothWays((direction) => ({
      key: qosKey('fip', fip.id, lport(direction)),
      network: fip.floating_network_id,
      match: [
        portMatch(direction, gateway.id),
        `ip4.${direction === 'egress' ? 'src' : 'dst'} == ${fip.floating_ip_address}`,
        `is_chassis_resident("${resident}")`,
      ].join(' && '),
      does: actionOf(direction, policy, facts),
      external_ids: { [KEY.fip]: fip.id, [KEY.routerName]: routerName(router.id) },
    }));
  });
}

/** The port whose host translates the address: there, and nowhere else, its packets are counted. */
function residentPort(fip: FloatingIpRow, gateway: PortRow, facts: Facts, options: RenderOptions): string {
  const inner = facts.ports.get(fip.port_id ?? '');
  const distributed =
    options.distributedFloatingIps &&
    inner !== undefined &&
    inner.binding_host_id !== '' &&
    inner.device_owner !== DISTRIBUTED;
  return distributed ? inner.id : `cr-${routerPortName(gateway.id)}`;
}

const lport = (direction: Direction): 'from-lport' | 'to-lport' =>
  direction === 'egress' ? 'from-lport' : 'to-lport';

function portMatch(direction: Direction, portId: string): string {
  return `${direction === 'egress' ? 'inport' : 'outport'} == "${portId}"`;
}

interface QosRow {
  readonly key: string;
  readonly network: string;
  readonly match: string;
  readonly does: Pick<Columns, 'action' | 'bandwidth'> | undefined;
  readonly external_ids: Readonly<Record<string, string>>;
}

function bothWays(of: (direction: Direction) => QosRow): DesiredRow[] {
  return (['egress', 'ingress'] as const).flatMap((direction): DesiredRow[] => {
    const { key, network, match, does, external_ids } = of(direction);
    if (!does) return [];
    return [
      {
        table: 'QoS',
        key,
        columns: { priority: PRIORITY, direction: lport(direction), match, ...does, external_ids },
        parent: { table: 'Logical_Switch', key: switchName(network), column: 'qos_rules' },
      },
    ];
  });
}

/** Undefined: nothing to do that way. A limit of zero is none: OVN knows no rate below 1. */
function actionOf(
  direction: Direction,
  policyId: string | null,
  facts: Facts,
): Pick<Columns, 'action' | 'bandwidth'> | undefined {
  const rules = (facts.rulesOfPolicy.get(policyId ?? '') ?? []).filter(
    (rule) => rule.direction === direction,
  );
  const mark = rules.find((rule) => rule.type === 'dscp_marking')?.dscp_mark ?? undefined;
  const limit = rules.find((rule) => rule.type === 'bandwidth_limit' && (rule.max_kbps ?? 0) > 0);
  if (mark === undefined && !limit) return undefined;
  return {
    action: mark === undefined ? {} : { dscp: mark },
    bandwidth: limit
      ? {
          rate: limit.max_kbps ?? 0,
          ...((limit.max_burst_kbps ?? 0) > 0 ? { burst: limit.max_burst_kbps ?? 0 } : {}),
        }
      : {},
  };
}
