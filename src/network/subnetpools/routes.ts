// /v2.0/subnetpools
import { Type } from 'typebox';
import type { Route } from '#platform/http/api.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { SubnetPoolRow } from '../tables.ts';
import { badRequest, conflict, invalidInput, notFound } from '../errors.ts';
import { covers, overlaps, parseCidr } from '../ipam/address.ts';
import { ADMIN, ANY_READER, MEMBER, rules } from '../policy.ts';
import {
  Bool,
  createBody,
  Description,
  has,
  Int,
  IpText,
  Name,
  nullable,
  pickFlags,
  pickTexts,
  readBool,
  readFlag,
  readInt,
  readText,
  readTextOrNull,
  updateBody,
  Uuid,
} from '../rest/attributes.ts';
import { Crud, type Operation } from '../rest/crud.ts';
import type { Input, NetworkDeps } from '../rest/deps.ts';
import { deleteRows, equals, insertRow, newStandard, selectRows, updateRow } from '../rest/select.ts';
import { addPrefixes, onboardSubnets, removePrefixes } from './prefix-operations.ts';
import { compactPrefixes } from './prefixes.ts';
import { visibleAddressScopes, visibleSubnetPools } from './store.ts';

const changeable = {
  name: Name,
  description: Description,
  prefixes: Type.Array(IpText, { minItems: 1, maxItems: 1000 }),
  default_prefixlen: nullable(Int),
  min_prefixlen: nullable(Int),
  max_prefixlen: nullable(Int),
  default_quota: nullable(Int),
  address_scope_id: nullable(Uuid),
  is_default: Bool,
};

export const subnetPoolPolicy: readonly PolicyRule[] = [
  ...rules({
    create_subnetpool: MEMBER,
    'create_subnetpool:shared': ADMIN,
    'create_subnetpool:is_default': ADMIN,
    get_subnetpool: ANY_READER,
    update_subnetpool: MEMBER,
    'update_subnetpool:is_default': ADMIN,
    delete_subnetpool: MEMBER,
  }),
  {
    name: 'onboard_network_subnets',
    check: MEMBER,
    description: 'Take the subnets of a network into a pool.',
  },
  { name: 'add_prefixes', check: MEMBER, description: 'Add prefixes to a pool.' },
  { name: 'remove_prefixes', check: MEMBER, description: 'Take prefixes out of a pool.' },
];

type Lengths = Pick<SubnetPoolRow, 'default_prefixlen' | 'min_prefixlen' | 'max_prefixlen'>;

function readLengths(input: Input, version: number, before?: Lengths): Lengths {
  const bits = version === 4 ? 32 : 128;
  const min = readInt(input, 'min_prefixlen') ?? before?.min_prefixlen ?? (version === 4 ? 8 : 64);
  const max = readInt(input, 'max_prefixlen') ?? before?.max_prefixlen ?? bits;
  const standard = readInt(input, 'default_prefixlen') ?? before?.default_prefixlen ?? min;
  const text = `min_prefixlen=${min}, default_prefixlen=${standard}, max_prefixlen=${max}`;
  if (min < 0 || max > bits)
    throw badRequest(
      'UnsupportedMinSubnetPoolPrefix',
      `Prefix lengths must be within 0 and ${bits}: ${text}.`,
    );
  if (min > max || standard < min || standard > max)
    throw badRequest('IllegalSubnetPoolPrefixBounds', `Illegal prefix bounds: ${text}.`);
  return { default_prefixlen: standard, min_prefixlen: min, max_prefixlen: max };
}

function readQuota(input: Input, before: number | null): number | null {
  if (!has(input, 'default_quota')) return before;
  const quota = readInt(input, 'default_quota');
  if (quota !== undefined && quota < 0) throw invalidInput(`default_quota ${quota} is negative`);
  return quota ?? null;
}

async function checkScope(
  { unit, caller }: Operation,
  id: string | null,
  version: number,
  prefixes: readonly string[],
  own?: string,
): Promise<void> {
  if (id === null) return;
  const [scope] = await selectRows(unit.trx, 'address_scopes', [
    equals('id', id),
    visibleAddressScopes(caller),
  ]);
  if (!scope) throw notFound('address_scope', id);
  if (scope.ip_version !== version)
    throw badRequest(
      'IllegalSubnetPoolIpVersionAssociation',
      `Illegal subnetpool association: the IP version of address scope ${id} differs.`,
    );
  const mine = prefixes.flatMap((text) => parseCidr(text) ?? []);
  for (const pool of await selectRows(unit.trx, 'subnetpools', [equals('address_scope_id', id)])) {
    if (pool.id === own) continue;
    const theirs = (JSON.parse(pool.prefixes) as string[]).flatMap((text) => parseCidr(text) ?? []);
    if (mine.some((a) => theirs.some((b) => overlaps(a, b))))
      throw conflict(
        'AddressScopePrefixConflict',
        'Failed to associate address scope: subnetpools within an address scope must have unique prefixes.',
      );
  }
}

async function checkDefault({ unit }: Operation, version: number, own?: string): Promise<void> {
  const others = await selectRows(unit.trx, 'subnetpools', [
    equals('is_default', 1),
    equals('ip_version', version),
  ]);
  if (others.some((pool) => pool.id !== own))
    throw badRequest(
      'InvalidInput',
      `Invalid input for operation: A default subnetpool for this IP family has already been set. Only one default may exist per IP family.`,
    );
}

async function create(operation: Operation, input: Input, projectId: string): Promise<SubnetPoolRow> {
  const { unit } = operation;
  const wanted = (input['prefixes'] as string[] | undefined) ?? [];
  const version = parseCidr(wanted[0] ?? '')?.version;
  if (version === undefined) throw invalidInput(`'${wanted[0] ?? ''}' is not a valid prefix`);
  const prefixes = compactPrefixes(wanted, version);
  const scope = readTextOrNull(input, 'address_scope_id');
  await checkScope(operation, scope, version, prefixes);
  if (readBool(input, 'is_default', false)) await checkDefault(operation, version);
  const row: SubnetPoolRow = {
    ...newStandard(input, projectId, unit.now),
    name: readText(input, 'name'),
    ip_version: version,
    prefixes: JSON.stringify(prefixes),
    ...readLengths(input, version),
    default_quota: readQuota(input, null),
    address_scope_id: scope,
    shared: readFlag(input, 'shared', false),
    is_default: readFlag(input, 'is_default', false),
  };
  await insertRow(unit.trx, 'subnetpools', row);
  return row;
}

async function update(operation: Operation, row: SubnetPoolRow, input: Input): Promise<SubnetPoolRow> {
  const before = JSON.parse(row.prefixes) as string[];
  const prefixes = has(input, 'prefixes')
    ? compactPrefixes(input['prefixes'] as string[], row.ip_version)
    : before;
  const now = prefixes.flatMap((text) => parseCidr(text) ?? []);
  if (before.flatMap((text) => parseCidr(text) ?? []).some((old) => !now.some((cidr) => covers(cidr, old))))
    throw badRequest(
      'IllegalSubnetPoolPrefixUpdate',
      'Illegal update to prefixes: existing prefixes must be a subset of the new prefixes.',
    );
  const scope = has(input, 'address_scope_id')
    ? readTextOrNull(input, 'address_scope_id')
    : row.address_scope_id;
  await checkScope(operation, scope, row.ip_version, prefixes, row.id);
  if (readBool(input, 'is_default', false)) await checkDefault(operation, row.ip_version, row.id);
  return updateRow(
    operation.unit.trx,
    'subnetpools',
    row,
    {
      ...pickTexts(input, ['name', 'description']),
      ...pickFlags(input, ['is_default']),
      ...readLengths(input, row.ip_version, row),
      default_quota: readQuota(input, row.default_quota),
      prefixes: JSON.stringify(prefixes),
      address_scope_id: scope,
    },
    operation.unit.now,
  );
}

async function remove({ unit }: Operation, row: SubnetPoolRow): Promise<void> {
  const used = await selectRows(unit.trx, 'subnets', [equals('subnetpool_id', row.id)]);
  if (used.length > 0)
    throw badRequest(
      'SubnetPoolDeleteError',
      `Unable to delete subnet pool: Subnet pool has existing allocations.`,
    );
  await deleteRows(unit.trx, 'rbac_policies', [
    equals('object_type', 'subnetpool'),
    equals('object_id', row.id),
  ]);
  await deleteRows(unit.trx, 'subnetpools', [equals('id', row.id)]);
}

export const subnetpools = new Crud({
  name: 'subnetpool',
  plural: 'subnetpools',
  path: '/v2.0/subnetpools',
  table: 'subnetpools',
  attributes: ['prefixes'],
  columns: {
    name: { column: 'name', type: 'text' },
    ip_version: { column: 'ip_version', type: 'integer' },
    default_prefixlen: { column: 'default_prefixlen', type: 'integer' },
    min_prefixlen: { column: 'min_prefixlen', type: 'integer' },
    max_prefixlen: { column: 'max_prefixlen', type: 'integer' },
    default_quota: { column: 'default_quota', type: 'integer' },
    address_scope_id: { column: 'address_scope_id', type: 'text' },
    shared: { column: 'shared', type: 'boolean' },
    is_default: { column: 'is_default', type: 'boolean' },
  },
  post: createBody('subnetpool', 'subnetpools', { ...changeable, shared: Bool }, ['name', 'prefixes']),
  put: updateBody('subnetpool', changeable),
  quota: 'subnetpool',
  visible: visibleSubnetPools,
  view: async (rows) =>
    rows.map((row) => ({
      name: row.name,
      ip_version: row.ip_version,
      prefixes: JSON.parse(row.prefixes) as unknown,
      default_prefixlen: row.default_prefixlen,
      min_prefixlen: row.min_prefixlen,
      max_prefixlen: row.max_prefixlen,
      default_quota: row.default_quota,
      address_scope_id: row.address_scope_id,
      shared: row.shared === 1,
      is_default: row.is_default === 1,
    })),
  create,
  update,
  remove,
});

const prefixBody = Type.Object(
  { prefixes: Type.Array(IpText, { minItems: 1, maxItems: 1000 }) },
  { additionalProperties: false },
);
const onboardBody = Type.Object({ network_id: Uuid }, { additionalProperties: false });
const setPrefixes = (operation: Operation, row: SubnetPoolRow, prefixes: readonly string[]) =>
  update(operation, row, { prefixes });
const one = '/v2.0/subnetpools/:id';
const errors = [409, 412];

export const subnetPoolRoutes: readonly Route<NetworkDeps>[] = [
  ...subnetpools.routes(),
  {
    method: 'PUT',
    path: `${one}/add_prefixes`,
    handler: addPrefixes(subnetpools, setPrefixes),
    body: prefixBody,
    errors,
  },
  {
    method: 'PUT',
    path: `${one}/remove_prefixes`,
    handler: removePrefixes(subnetpools),
    body: prefixBody,
    errors,
  },
  {
    method: 'PUT',
    path: `${one}/onboard_network_subnets`,
    handler: onboardSubnets(subnetpools, setPrefixes),
    body: onboardBody,
    errors,
  },
];
