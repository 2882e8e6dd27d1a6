// /v2.0/address-scopes
import { conflict, invalidInput } from '../errors.ts';
import { ADMIN, ANY_READER, MEMBER, rules } from '../policy.ts';
import {
  Bool,
  createBody,
  Description,
  Int,
  Name,
  pickFlags,
  pickTexts,
  readFlag,
  readInt,
  readText,
  updateBody,
} from '../rest/attributes.ts';
import { Crud } from '../rest/crud.ts';
import { deleteRows, equals, insertRow, newStandard, selectRows, updateRow } from '../rest/select.ts';
import { visibleAddressScopes } from '../subnetpools/store.ts';
import type { AddressScopeRow } from '../tables.ts';

export const addressScopePolicy = rules({
  create_address_scope: MEMBER,
  'create_address_scope:shared': ADMIN,
  get_address_scope: ANY_READER,
  update_address_scope: MEMBER,
  'update_address_scope:shared': ADMIN,
  delete_address_scope: MEMBER,
});

export const addressScopes = new Crud({
  name: 'address_scope',
  plural: 'address_scopes',
  path: '/v2.0/address-scopes',
  table: 'address_scopes',
  attributes: [],
  columns: {
    name: { column: 'name', type: 'text' },
    ip_version: { column: 'ip_version', type: 'integer' },
    shared: { column: 'shared', type: 'boolean' },
  },
  post: createBody(
    'address_scope',
    'address_scopes',
    { name: Name, description: Description, shared: Bool, ip_version: Int },
    ['ip_version'],
  ),
  put: updateBody('address_scope', { name: Name, description: Description, shared: Bool }),
  visible: visibleAddressScopes,
  view: async (rows) =>
    rows.map((row) => ({ name: row.name, ip_version: row.ip_version, shared: row.shared === 1 })),
  create: async ({ unit }, input, projectId) => {
    const version = readInt(input, 'ip_version');
    if (version !== 4 && version !== 6) throw invalidInput(`ip_version ${version} is not 4 or 6`);
    const row: AddressScopeRow = {
      ...newStandard(input, projectId, unit.now),
      name: readText(input, 'name'),
      ip_version: version,
      shared: readFlag(input, 'shared', false),
    };
    await insertRow(unit.trx, 'address_scopes', row);
    return row;
  },
  update: async ({ unit }, row, input) =>
    updateRow(
      unit.trx,
      'address_scopes',
      row,
      { ...pickTexts(input, ['name', 'description']), ...pickFlags(input, ['shared']) },
      unit.now,
    ),
  remove: async ({ unit }, row) => {
    if ((await selectRows(unit.trx, 'subnetpools', [equals('address_scope_id', row.id)])).length > 0)
      throw conflict(
        'AddressScopeInUse',
        `Unable to complete operation on address scope ${row.id}. There are one or more subnet pools in use on the address scope.`,
      );
    await deleteRows(unit.trx, 'address_scopes', [equals('id', row.id)]);
  },
});

export const addressScopeRoutes = addressScopes.routes();
