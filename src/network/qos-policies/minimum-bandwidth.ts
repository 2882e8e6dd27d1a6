// What a minimum bandwidth needs: a physical network, whose hosts say how much they have, and ports whose share is not
// reserved yet when it changes.
import { sql } from 'kysely';
import type { Engine } from '#platform/sql/database.ts';
import { conflict, NetworkError } from '../errors.ts';
import type { Sql } from '../rest/deps.ts';
import { equals, inList, selectRows } from '../rest/select.ts';
import type { NetworkRow, PortRow } from '../tables.ts';
import { isFollower } from './effective.ts';
import { boundTo } from './store.ts';

const TYPE = 'minimum_bandwidth';

export async function hasMinimum(db: Sql, policyId: string | null): Promise<boolean> {
  if (policyId === null) return false;
  return (
    (await selectRows(db, 'qos_rules', [equals('qos_policy_id', policyId), equals('type', TYPE)])).length > 0
  );
}

function unsupportedByNetwork(networkId: string): NetworkError {
  return conflict('QosRuleNotSupportedByNetwork', `Rule ${TYPE} is not supported by network ${networkId}`);
}

/** @throws NetworkError 409 where the policy keeps bandwidth free and the network is a tunnel */
export async function checkNetwork(
  db: Sql,
  network: { id: string; physical_network: string | null },
  policyId: string | null,
): Promise<void> {
  if (network.physical_network === null && (await hasMinimum(db, policyId)))
    throw unsupportedByNetwork(network.id);
}

/** @throws NetworkError 409 where the policy keeps bandwidth free and the port is on a tunnel */
export async function checkPort(
  db: Sql,
  port: Pick<PortRow, 'id' | 'network_id'>,
  policyId: string | null,
): Promise<void> {
  if (!(await hasMinimum(db, policyId))) return;
  const [network] = await selectRows(db, 'networks', [equals('id', port.network_id)]);
  if (network?.physical_network === null)
    throw conflict('QosRuleNotSupported', `Rule ${TYPE} is not supported by port ${port.id}`);
}

/** Whether all that the policy hangs on has a physical network. @throws NetworkError 409 */
export async function checkMinimumFits(db: Sql, engine: Engine, policyId: string): Promise<void> {
  const { networks, ports } = await boundTo(db, policyId);
  const tunnel = networks.find((network) => network.physical_network === null);
  if (tunnel) throw unsupportedByNetwork(tunnel.id);
  const ids = [...new Set(ports.map((port) => port.network_id))];
  const of = ids.length === 0 ? [] : await selectRows(db, 'networks', [inList(engine, 'id', ids)]);
  const without = new Set(of.filter((row) => row.physical_network === null).map((row) => row.id));
  const port = ports.find((each) => without.has(each.network_id));
  if (port) throw conflict('QosRuleNotSupported', `Rule ${TYPE} is not supported by port ${port.id}`);
}

/** Servers' ports that the policy holds for, their own or their network's. */
async function serverPorts(db: Sql, policyId: string): Promise<PortRow[]> {
  const rows = await selectRows(db, 'ports', [
    sql`device_owner like 'compute:%' and (qos_policy_id = ${policyId} or
      network_id in (select id from networks where qos_policy_id = ${policyId}))`,
  ]);
  return rows.filter((port) => port.qos_policy_id === policyId || isFollower(port));
}

/** @throws NetworkError 501, as upstream, while servers have their share by what the rules said before */
export async function refuseWhileReserved(db: Sql, policyId: string): Promise<void> {
  const [port] = await serverPorts(db, policyId);
  if (port)
    throw new NetworkError(
      'not-supported',
      'HTTPNotImplemented',
      `Minimum bandwidths of QoS policy ${policyId} cannot change while servers use it: port ${port.id} is one's.`,
    );
}

function keptFree(portId: string): NetworkError {
  return conflict(
    'QosPolicyInUse',
    `The QoS policy of port ${portId} cannot change while the port is a server's: bandwidth is kept free by one of the policies.`,
  );
}

/**
 * A server's port keeps what was reserved for it.
 * @throws NetworkError 409 where either policy keeps bandwidth free
 */
export async function checkPolicyChange(
  db: Sql,
  port: PortRow,
  before: string | null,
  after: string | null,
): Promise<void> {
  if (before === after || !port.device_owner.startsWith('compute:')) return;
  if ((await hasMinimum(db, before)) || (await hasMinimum(db, after))) throw keptFree(port.id);
}

/**
 * The same of all ports that follow the network's policy.
 * @throws NetworkError 409 where either policy keeps bandwidth free
 */
export async function checkFollowers(
  db: Sql,
  network: Pick<NetworkRow, 'id' | 'qos_policy_id'>,
  after: string | null,
): Promise<void> {
  if (!(await hasMinimum(db, network.qos_policy_id)) && !(await hasMinimum(db, after))) return;
  const [port] = await selectRows(db, 'ports', [
    equals('network_id', network.id),
    sql`qos_policy_id is null and device_owner like 'compute:%'`,
  ]);
  if (port) throw keptFree(port.id);
}
