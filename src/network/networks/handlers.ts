// Creating, changing and deleting networks.
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { NetworkRow } from '../tables.ts';
import { GENEVE_OVERHEAD } from '../config.ts';
import { conflict, invalidInput } from '../errors.ts';
import { removeFloatingIp } from '../floatingips/handlers.ts';
import { has, pickFlags, pickTexts, readBool, readFlag, readInt, readText } from '../rest/attributes.ts';
import type { Operation } from '../rest/crud.ts';
import type { Input, NetworkDeps } from '../rest/deps.ts';
import { deleteRows, equals, insertRow, newStandard, selectRows, updateRow } from '../rest/select.ts';
import { readQosPolicy } from '../qos-policies/attach.ts';
import { checkFollowers, checkNetwork } from '../qos-policies/minimum-bandwidth.ts';
import { findDefaultPolicy } from '../qos-policies/store.ts';
import { deletePortRow } from '../ports/store.ts';
import { isAutoDeleted } from '../ports/owners.ts';
import { checkZones, chooseSegment, type Segment } from './segments.ts';
import { isUsedByOthers, setOpenToAll } from './store.ts';

export async function createNetwork(
  operation: Operation,
  input: Input,
  projectId: string,
): Promise<NetworkRow> {
  const { unit, deps } = operation;
  const hints = (input['availability_zone_hints'] as string[] | undefined) ?? [];
  checkZones(deps, hints);
  const segment = await chooseSegment(unit.trx, deps, input);
  const external = readBool(input, 'router:external', false);
  const isDefault = readBool(input, 'is_default', false);
  if (isDefault) await checkNoDefault(operation, external);
  const row: NetworkRow = {
    ...newStandard(input, projectId, unit.now),
    name: readText(input, 'name'),
    admin_state_up: readFlag(input, 'admin_state_up', true),
    mtu: chooseMtu(deps, segment, readInt(input, 'mtu')),
    port_security_enabled: readFlag(input, 'port_security_enabled', true),
    external: external ? 1 : 0,
    is_default: isDefault ? 1 : 0,
    dns_domain: readText(input, 'dns_domain'),
    availability_zone_hints: JSON.stringify(hints),
    ...segment,
    qos_policy_id: await choosePolicy(operation, input, projectId),
  };
  await checkNetwork(unit.trx, row, row.qos_policy_id);
  try {
    await insertRow(unit.trx, 'networks', row);
  } catch (error) {
    if (isUniqueViolation(error))
      throw conflict(
        'NetworkInUse',
        'The segment was taken by another request at the same time. Please retry.',
      );
    throw error;
  }
  if (readBool(input, 'shared', false)) await setOpenToAll(unit.trx, row, 'access_as_shared', true);
  if (external) await setOpenToAll(unit.trx, row, 'access_as_external', true);
  unit.touch('network', row.id);
  return row;
}

/** The one that is named, else the project's default. */
async function choosePolicy(operation: Operation, input: Input, projectId: string): Promise<string | null> {
  if (has(input, 'qos_policy_id')) return (await readQosPolicy(operation, input)).qos_policy_id ?? null;
  return (await findDefaultPolicy(operation.unit.trx, projectId))?.id ?? null;
}

export async function updateNetwork(
  operation: Operation,
  row: NetworkRow,
  input: Input,
): Promise<NetworkRow> {
  const { unit, deps } = operation;
  const shared = has(input, 'shared') ? readBool(input, 'shared', false) : undefined;
  if (shared === false && (await isUsedByOthers(unit.trx, row)))
    throw conflict(
      'InvalidSharedSetting',
      `Unable to reconfigure sharing settings for network ${row.name || row.id}. Multiple tenants are using it.`,
    );
  if (shared !== undefined) await setOpenToAll(unit.trx, row, 'access_as_shared', shared);
  const external = has(input, 'router:external') ? readBool(input, 'router:external', false) : undefined;
  if (external !== undefined) await setExternal(operation, row, external);
  if (readBool(input, 'is_default', false) && row.is_default === 0)
    await checkNoDefault(operation, external ?? row.external === 1);
  const mtu = readInt(input, 'mtu');
  const qos = await changePolicy(operation, row, input);
  const next = await updateRow(
    unit.trx,
    'networks',
    row,
    {
      ...pickTexts(input, ['name', 'description', 'dns_domain']),
      ...pickFlags(input, ['admin_state_up', 'port_security_enabled', 'is_default']),
      ...(external === undefined ? {} : { external: external ? 1 : 0 }),
      ...(mtu === undefined ? {} : { mtu: chooseMtu(deps, row, mtu) }),
      ...qos,
    },
    unit.now,
  );
  unit.touch('network', row.id);
  return next;
}

async function changePolicy(
  operation: Operation,
  row: NetworkRow,
  input: Input,
): Promise<{ qos_policy_id?: string | null }> {
  const { unit } = operation;
  const change = await readQosPolicy(operation, input, row.qos_policy_id);
  if (change.qos_policy_id === undefined) return {};
  await checkNetwork(unit.trx, row, change.qos_policy_id);
  await checkFollowers(unit.trx, row, change.qos_policy_id);
  unit.touch('network_qos', row.id);
  return change;
}

async function setExternal({ unit }: Operation, row: NetworkRow, external: boolean): Promise<void> {
  if (!external && row.external === 1) {
    const used = await unit.trx
      .selectFrom('ports')
      .select('id')
      .where('network_id', '=', row.id)
      .where('device_owner', 'in', ['network:router_gateway', 'network:floatingip'])
      .limit(1)
      .executeTakeFirst();
    if (used)
      throw conflict(
        'ExternalNetworkInUse',
        `External network ${row.id} cannot be updated to be made non-external, since it has existing gateway ports.`,
      );
  }
  await setOpenToAll(unit.trx, row, 'access_as_external', external);
}

async function checkNoDefault({ unit }: Operation, external: boolean): Promise<void> {
  if (!external) throw invalidInput('only external networks can be the default');
  const other = (await selectRows(unit.trx, 'networks', [equals('is_default', 1)]))[0];
  if (other)
    throw conflict('DefaultExternalNetworkExists', `A default external network already exists: ${other.id}.`);
}

export async function removeNetwork(operation: Operation, row: NetworkRow): Promise<void> {
  const { unit } = operation;
  const floating = await selectRows(unit.trx, 'floatingips', [equals('floating_network_id', row.id)]);
  for (const idle of floating.filter((each) => each.router_id === null))
    await removeFloatingIp(operation, idle); // undone with the transaction where something else is in use
  const ports = await selectRows(unit.trx, 'ports', [equals('network_id', row.id)]);
  const blocking = ports.filter((port) => !isAutoDeleted(port.device_owner));
  if (blocking.length > 0)
    throw conflict(
      'NetworkInUse',
      `Unable to complete operation on network ${row.id}. There are one or more ports still in use on the network, id: ${blocking
        .slice(0, 5)
        .map((port) => port.id)
        .join(', ')}.`,
    );
  for (const port of ports) await deletePortRow(unit, port.id);
  for (const subnet of await selectRows(unit.trx, 'subnets', [equals('network_id', row.id)])) {
    await deleteRows(unit.trx, 'subnets', [equals('id', subnet.id)]);
    await deleteRows(unit.trx, 'tags', [equals('resource_id', subnet.id)]);
    unit.touch('subnet', subnet.id);
  }
  await deleteRows(unit.trx, 'rbac_policies', [
    equals('object_type', 'network'),
    equals('object_id', row.id),
  ]);
  await deleteRows(unit.trx, 'networks', [equals('id', row.id)]);
  unit.touch('network', row.id);
}

function largestMtu(deps: NetworkDeps, segment: Pick<Segment, 'network_type' | 'physical_network'>): number {
  const { underlayMtu, physicalNetworks } = deps.config;
  if (segment.network_type === 'geneve') return underlayMtu - GENEVE_OVERHEAD;
  return physicalNetworks.find((each) => each.name === segment.physical_network)?.mtu ?? underlayMtu;
}

function chooseMtu(
  deps: NetworkDeps,
  segment: Pick<Segment, 'network_type' | 'physical_network'>,
  wanted: number | undefined,
): number {
  const largest = largestMtu(deps, segment);
  if (wanted === undefined || wanted === 0) return largest;
  if (wanted < 68) throw invalidInput(`Requested MTU is too small, requested ${wanted}, minimum 68`);
  if (wanted > largest) throw invalidInput(`Requested MTU is too big, maximum is ${largest}`);
  return wanted;
}
