// Creating, changing and deleting ports.
import { PolicyDenied } from '#platform/policy/enforcer.ts';
import { pruneInactiveBindings } from '../port-bindings/store.ts';
import { removeForwardingsTo } from '../port-forwardings/store.ts';
import type { NetworkRow, PortRow } from '../tables.ts';
import { conflict, notFound } from '../errors.ts';
import { allocateAutomatically, allocateWishes, allocationsOf } from '../ipam/port-addresses.ts';
import { findVisibleNetwork, isSharedWith } from '../networks/store.ts';
import { readQosPolicy } from '../qos-policies/attach.ts';
import { policyOfPort } from '../qos-policies/effective.ts';
import { checkPolicyChange, checkPort as checkQosPort } from '../qos-policies/minimum-bandwidth.ts';
import { has, pickFlags, pickTexts, readFlag, readId, readText } from '../rest/attributes.ts';
import type { Operation } from '../rest/crud.ts';
import type { Input } from '../rest/deps.ts';
import { equals, selectRows, updateRow } from '../rest/select.ts';
import { replaceTags } from '../tags/store.ts';
import { checkNotTrunked } from '../trunks/store.ts';
import { findDefaultGroup } from '../security-groups/store.ts';
import {
  checkFixedIpPolicy,
  checkGroups,
  checkOwner,
  checkPortSecurity,
  mergeOptions,
  readBinding,
  readMac,
  readPairs,
  readWishes,
  type DhcpOption,
} from './attributes.ts';
import { isL3Owned, isNetworkOwned, ROUTER_INTERFACE } from './owners.ts';
import { deletePortRow, insertPort, isMacTaken, macInUse, setSecurityGroups } from './store.ts';

export async function createPort(operation: Operation, input: Input, projectId: string): Promise<PortRow> {
  const { unit, caller } = operation;
  const networkId = readId(input, 'network_id');
  const network = await findVisibleNetwork(unit.trx, caller, networkId);
  if (!network) throw notFound('network', networkId);
  await checkMayUse(operation, network, projectId);
  const owner = readText(input, 'device_owner');
  checkOwner(operation, owner);
  const wishes = readWishes(input);
  if (wishes) checkFixedIpPolicy(operation, network, projectId, wishes);
  const filtered = has(input, 'port_security_enabled')
    ? readFlag(input, 'port_security_enabled', true)
    : isNetworkOwned(owner)
      ? 0
      : network.port_security_enabled;
  const mac = readMac(input);
  const qos = await readQosPolicy(operation, input);
  const row = await insertPort(unit, {
    project_id: projectId,
    network_id: networkId,
    ...pickTexts(input, ['name', 'description', 'device_id', 'device_owner', 'dns_name', 'dns_domain']),
    ...pickFlags(input, ['admin_state_up']),
    ...readBinding(input),
    ...(mac === undefined ? {} : { mac_address: mac }),
    port_security_enabled: filtered,
    extra_dhcp_opts: JSON.stringify(mergeOptions([], input)),
    ...qos,
  });
  await checkQosPort(unit.trx, row, policyOfPort(row, network.qos_policy_id));
  const pairs = readPairs(input, row.mac_address);
  const groups = await chooseGroups(operation, input, row);
  checkPortSecurity(row, groups.length, pairs.length);
  if (wishes) await allocateWishes(unit.trx, row, wishes);
  else await allocateAutomatically(unit.trx, row);
  await setSecurityGroups(unit.trx, row.id, groups);
  if (has(input, 'tags')) await replaceTags(unit.trx, row.id, input['tags'] as string[]);
  if (pairs.length === 0) return row;
  const json = JSON.stringify(pairs);
  await unit.trx.updateTable('ports').set({ allowed_address_pairs: json }).where('id', '=', row.id).execute();
  return { ...row, allowed_address_pairs: json };
}

/** External networks are seen by all, but only routers and floating IPs of others live on them. */
async function checkMayUse(operation: Operation, network: NetworkRow, projectId: string): Promise<void> {
  const { unit, caller, call } = operation;
  if (caller.admin || network.project_id === projectId) return;
  if (await isSharedWith(unit.trx, network.id, projectId)) return;
  if (!call.allows('create_port_on_external_network'))
    throw new PolicyDenied('create_port_on_external_network');
}

async function chooseGroups(operation: Operation, input: Input, port: PortRow): Promise<string[]> {
  const wanted = input['security_groups'];
  if (wanted !== undefined) return checkGroups(operation, (wanted as string[] | null) ?? [], port.project_id);
  if (port.port_security_enabled !== 1 || isNetworkOwned(port.device_owner)) return [];
  const group = await findDefaultGroup(operation.unit.trx, port.project_id);
  return group ? [group.id] : [];
}

export async function updatePort(operation: Operation, row: PortRow, input: Input): Promise<PortRow> {
  const { unit } = operation;
  const owner = readText(input, 'device_owner', row.device_owner);
  if (owner !== row.device_owner) checkOwner(operation, owner);
  const mac = await chooseMac(operation, row, input);
  const wishes = readWishes(input);
  const ports = { ...row, ...(mac === undefined ? {} : { mac_address: mac }) };
  if (wishes) await changeAddresses(operation, ports, wishes);
  const qos = await changePolicy(operation, row, input);
  const pairs = has(input, 'allowed_address_pairs') ? readPairs(input, ports.mac_address) : undefined;
  const next = await updateRow(
    unit.trx,
    'ports',
    row,
    {
      ...pickTexts(input, ['name', 'description', 'device_id', 'device_owner', 'dns_name', 'dns_domain']),
      ...pickFlags(input, ['admin_state_up', 'port_security_enabled']),
      ...readBinding(input),
      ...(mac === undefined ? {} : { mac_address: mac }),
      ...(pairs ? { allowed_address_pairs: JSON.stringify(pairs) } : {}),
      ...(has(input, 'extra_dhcp_opts')
        ? {
            extra_dhcp_opts: JSON.stringify(
              mergeOptions(JSON.parse(row.extra_dhcp_opts) as DhcpOption[], input),
            ),
          }
        : {}),
      ...qos,
    },
    unit.now,
  );
  await changeGroups(operation, next, input);
  if (next.binding_host_id !== row.binding_host_id) await pruneInactiveBindings(unit.trx, next);
  unit.touch('port', row.id);
  return next;
}

async function changePolicy(
  operation: Operation,
  row: PortRow,
  input: Input,
): Promise<{ qos_policy_id?: string | null }> {
  const { trx } = operation.unit;
  const change = await readQosPolicy(operation, input, row.qos_policy_id);
  if (change.qos_policy_id === undefined) return {};
  const [network] = await selectRows(trx, 'networks', [equals('id', row.network_id)]);
  const before = policyOfPort(row, network?.qos_policy_id);
  const after = policyOfPort({ ...row, ...change }, network?.qos_policy_id);
  await checkQosPort(trx, row, after);
  await checkPolicyChange(trx, row, before, after);
  return change;
}

async function changeGroups(operation: Operation, port: PortRow, input: Input): Promise<void> {
  const { trx } = operation.unit;
  const wanted = input['security_groups'];
  const current = await selectRows(trx, 'port_security_groups', [equals('port_id', port.id)]);
  const groups =
    wanted === undefined
      ? current.map((each) => each.security_group_id)
      : await checkGroups(operation, (wanted as string[] | null) ?? [], port.project_id);
  checkPortSecurity(port, groups.length, (JSON.parse(port.allowed_address_pairs) as unknown[]).length);
  if (wanted !== undefined) await setSecurityGroups(trx, port.id, groups);
}

async function chooseMac({ unit }: Operation, row: PortRow, input: Input): Promise<string | undefined> {
  const mac = readMac(input);
  if (mac === undefined || mac === row.mac_address) return undefined;
  if (row.binding_host_id !== '')
    throw conflict(
      'PortBound',
      `Unable to complete operation on port ${row.id}, port is already bound, port type: ovs, old_mac ${row.mac_address}, new_mac ${mac}.`,
    );
  if (await isMacTaken(unit.trx, row.network_id, mac)) throw macInUse(mac, row.network_id);
  return mac;
}

async function changeAddresses(
  operation: Operation,
  port: PortRow,
  wishes: ReadonlyArray<{ subnet_id?: string; ip_address?: string }>,
): Promise<void> {
  const { trx } = operation.unit;
  const [network] = await selectRows(trx, 'networks', [equals('id', port.network_id)]);
  const before = await allocationsOf(trx, port.id);
  const fresh = wishes.filter((wish) => !before.some((row) => row.ip_address === wish.ip_address));
  if (network) checkFixedIpPolicy(operation, network, port.project_id, fresh);
  await allocateWishes(trx, port, wishes);
  const kept = new Set((await allocationsOf(trx, port.id)).map((row) => row.ip_address));
  const lost = before.filter((row) => !kept.has(row.ip_address)).map((row) => row.ip_address);
  if (lost.length === 0) return;
  const fip = await trx
    .selectFrom('floatingips')
    .select('id')
    .where('port_id', '=', port.id)
    .where('fixed_ip_address', 'in', lost)
    .executeTakeFirst();
  if (fip)
    throw conflict(
      'PortInUseByFloatingIP',
      `Floating IP ${fip.id} points to an address that would leave port ${port.id}; disassociate it first.`,
    );
  await removeForwardingsTo(operation.unit, port.id, (address) => lost.includes(address));
  if (port.device_owner === ROUTER_INTERFACE) operation.unit.touch('router_interface', port.id);
}

export async function removePort({ unit }: Operation, row: PortRow): Promise<void> {
  if (isL3Owned(row.device_owner) && (await ownerExists(unit.trx, row)))
    throw conflict(
      'ServicePortInUse',
      `Port ${row.id} cannot be deleted directly via the port API: has device owner ${row.device_owner}.`,
    );
  await checkNotTrunked(unit.trx, row.id);
  await deletePortRow(unit, row.id);
}

async function ownerExists(db: Operation['unit']['trx'], row: PortRow): Promise<boolean> {
  const table = row.device_owner === 'network:floatingip' ? 'floatingips' : 'routers';
  return (await selectRows(db, table, [equals('id', row.device_id)])).length > 0;
}
