// Creating and deleting security group rules.
import type { SecurityGroupRuleRow } from '../tables.ts';
import { badRequest, notFound } from '../errors.ts';
import { readId, readInt, readText, readTextOrNull } from '../rest/attributes.ts';
import type { Operation } from '../rest/crud.ts';
import type { Input } from '../rest/deps.ts';
import { bumpRevision, deleteRows, equals, findRow, selectRows } from '../rest/select.ts';
import { visibleSecurityGroups } from '../security-groups/store.ts';
import { checkEthertype, checkPortRange, checkPrefix, checkProtocol } from './checks.ts';
import { insertRule } from './store.ts';

export async function createSecurityGroupRule(
  operation: Operation,
  input: Input,
): Promise<SecurityGroupRuleRow> {
  const { unit, caller } = operation;
  const groupId = readId(input, 'security_group_id');
  const group = await findRow(unit.trx, 'security_groups', groupId);
  if (!group || (!caller.admin && group.project_id !== caller.projectId))
    throw notFound('security_group', groupId);
  const prefix = readTextOrNull(input, 'remote_ip_prefix');
  const ethertype = checkEthertype(readText(input, 'ethertype', prefix?.includes(':') ? 'IPv6' : 'IPv4'));
  const protocol = checkProtocol(input['protocol'], ethertype);
  const min = readInt(input, 'port_range_min') ?? null;
  const max = readInt(input, 'port_range_max') ?? null;
  checkPortRange(protocol, ethertype, min, max);
  const rule = await insertRule(unit, group, {
    direction: input['direction'] as 'ingress' | 'egress',
    ethertype,
    protocol,
    port_range_min: min,
    port_range_max: max,
    description: readText(input, 'description'),
    ...(await choosePeer(operation, input, ethertype)),
  });
  await bumpRevision(unit.trx, 'security_groups', groupId, unit.now);
  return rule;
}

type Peer = Pick<SecurityGroupRuleRow, 'remote_ip_prefix' | 'remote_group_id' | 'remote_address_group_id'>;

async function choosePeer({ unit, caller }: Operation, input: Input, ethertype: string): Promise<Peer> {
  const prefix = readTextOrNull(input, 'remote_ip_prefix');
  const group = readTextOrNull(input, 'remote_group_id');
  const addresses = readTextOrNull(input, 'remote_address_group_id');
  if ([prefix, group, addresses].filter((each) => each !== null).length > 1)
    throw badRequest(
      'SecurityGroupMultipleRemoteEntites', // upstream's spelling, which clients match on
      'Only remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.',
    );
  if (group !== null) {
    const [row] = await selectRows(unit.trx, 'security_groups', [
      equals('id', group),
      visibleSecurityGroups(caller),
    ]);
    if (!row) throw notFound('security_group', group);
  }
  if (addresses !== null) {
    const row = await findRow(unit.trx, 'address_groups', addresses);
    if (!row || (!caller.admin && row.project_id !== caller.projectId))
      throw notFound('address_group', addresses);
  }
  return {
    remote_ip_prefix: prefix === null ? null : checkPrefix(prefix, ethertype),
    remote_group_id: group,
    remote_address_group_id: addresses,
  };
}

export async function removeSecurityGroupRule({ unit }: Operation, row: SecurityGroupRuleRow): Promise<void> {
  await deleteRows(unit.trx, 'security_group_rules', [equals('id', row.id)]);
  await bumpRevision(unit.trx, 'security_groups', row.security_group_id, unit.now);
  unit.touch('security_group_rule', row.id);
  unit.touch('security_group', row.security_group_id);
}
