// /v2.0/address-groups: sets of addresses that security group rules name as peers.
import { sql } from 'kysely';
import { Type } from 'typebox';
import { Reply, type Call, type Route } from '#platform/http/api.ts';
import type { AddressGroupRow } from '../tables.ts';
import { conflict, invalidInput, NetworkError } from '../errors.ts';
import { formatCidr, parseCidr, parseIp } from '../ipam/address.ts';
import { ANY_READER, MEMBER, rules } from '../policy.ts';
import {
  createBody,
  Description,
  IpText,
  Name,
  pickTexts,
  readText,
  updateBody,
} from '../rest/attributes.ts';
import { Crud, northboundHeaders } from '../rest/crud.ts';
import type { NetworkDeps } from '../rest/deps.ts';
import { deleteRows, equals, insertRow, newStandard, selectRows, TRUE, updateRow } from '../rest/select.ts';

const Addresses = Type.Array(IpText, { maxItems: 1000 });

export const addressGroupPolicy = rules({
  create_address_group: MEMBER,
  get_address_group: ANY_READER,
  update_address_group: MEMBER,
  delete_address_group: MEMBER,
});

function canonical(texts: readonly string[]): string[] {
  const read = texts.map((text) => {
    const ip = parseIp(text);
    const cidr = parseCidr(ip ? `${text}/${ip.version === 4 ? 32 : 128}` : text);
    if (!cidr) throw invalidInput(`'${text}' is not a valid IP address or CIDR`);
    return formatCidr(cidr);
  });
  return [...new Set(read)];
}

export const addressGroups = new Crud({
  name: 'address_group',
  plural: 'address_groups',
  path: '/v2.0/address-groups',
  table: 'address_groups',
  attributes: ['addresses', 'shared'],
  columns: { name: { column: 'name', type: 'text' } },
  post: createBody('address_group', 'address_groups', {
    name: Name,
    description: Description,
    addresses: Addresses,
  }),
  put: updateBody('address_group', { name: Name, description: Description }),
  visible: (caller) => (caller.admin ? TRUE : sql`project_id = ${caller.projectId}`),
  view: async (rows) =>
    rows.map((row) => ({ name: row.name, shared: false, addresses: JSON.parse(row.addresses) as unknown })),
  create: async ({ unit }, input, projectId) => {
    const row: AddressGroupRow = {
      ...newStandard(input, projectId, unit.now),
      name: readText(input, 'name'),
      addresses: JSON.stringify(canonical((input['addresses'] as string[] | undefined) ?? [])),
    };
    await insertRow(unit.trx, 'address_groups', row);
    unit.touch('address_group', row.id);
    return row;
  },
  update: async ({ unit }, row, input) =>
    updateRow(unit.trx, 'address_groups', row, pickTexts(input, ['name', 'description']), unit.now),
  remove: async ({ unit }, row) => {
    if (
      (await selectRows(unit.trx, 'security_group_rules', [equals('remote_address_group_id', row.id)]))
        .length > 0
    )
      throw conflict(
        'AddressGroupInUse',
        `Address group ${row.id} is in use on one or more security group rules.`,
      );
    await deleteRows(unit.trx, 'address_groups', [equals('id', row.id)]);
    unit.touch('address_group', row.id);
  },
});

function changeAddresses(verb: 'add' | 'remove') {
  return async (call: Call, deps: NetworkDeps): Promise<Reply> => {
    const named = canonical((call.body as { addresses: string[] }).addresses);
    const done = await addressGroups.change(call, deps, async ({ unit }, row) => {
      call.enforce('update_address_group', { project_id: row.project_id });
      const before = JSON.parse(row.addresses) as string[];
      const missing = named.filter((address) => !before.includes(address));
      if (verb === 'remove' && missing.length > 0)
        throw new NetworkError(
          'not-found',
          'AddressesNotFound',
          `Addresses ${missing.join(', ')} not found in the address group ${row.id}.`,
        );
      const known = named.filter((address) => before.includes(address));
      if (verb === 'add' && known.length > 0)
        throw new NetworkError(
          'bad-request',
          'AddressesAlreadyExist',
          `Addresses ${known.join(', ')} already exist in the address group ${row.id}.`,
        );
      const after =
        verb === 'add' ? [...before, ...missing] : before.filter((address) => !named.includes(address));
      unit.touch('address_group', row.id);
      return updateRow(unit.trx, 'address_groups', row, { addresses: JSON.stringify(after) }, unit.now);
    });
    const [view] = await addressGroups.views([done.result], call, deps, deps.db.kysely);
    return new Reply(200, { address_group: view }, northboundHeaders(done));
  };
}

const body = Type.Object({ addresses: Addresses }, { additionalProperties: false });
export const addressGroupRoutes: readonly Route<NetworkDeps>[] = [
  ...addressGroups.routes(),
  { method: 'PUT', path: '/v2.0/address-groups/:id/add_addresses', handler: changeAddresses('add'), body },
  {
    method: 'PUT',
    path: '/v2.0/address-groups/:id/remove_addresses',
    handler: changeAddresses('remove'),
    body,
  },
];
