// List, show, create, update, remove a role. Roles of a domain have rules of their own.
import type { Call } from '#platform/http/api.ts';
import type { RoleRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { Forbidden, Invalid, NotFound } from '../errors.ts';
import { exactFilters, listAnswer } from '../listing.ts';
import { findProject, NO_DOMAIN } from '../projects/store.ts';
import { removeRoleWithAll } from '../removal.ts';
import {
  defined,
  extraOf,
  lookUp,
  mergedExtra,
  mergedOptions,
  parseObject,
  refuseChange,
  unlessTaken,
} from '../resource.ts';
import type { CreateRole, UpdateRole } from './schema.ts';
import { findRole, insertRole, listRoleRows, updateRole } from './store.ts';
import { roleView } from './view.ts';

const KNOWN = ['name', 'domain_id', 'description', 'options'];

function ruleFor(verb: string, domainId: string): string {
  return `identity:${verb}_${domainId === NO_DOMAIN ? 'role' : 'domain_role'}`;
}

export async function listRoles(call: Call, deps: IdentityDeps): Promise<unknown> {
  const domainId = call.query.get('domain_id') ?? NO_DOMAIN;
  call.enforce(domainId === NO_DOMAIN ? 'identity:list_roles' : 'identity:list_domain_roles');
  const rows = await listRoleRows(deps.db.kysely, {
    ...exactFilters(call, ['name']),
    domain_id: domainId.replaceAll('\u0000', '\uFFFD'),
  });
  return listAnswer(
    call,
    'roles',
    rows.map((row) => roleView(row, call.baseUrl)),
  );
}

export async function showRole(call: Call, deps: IdentityDeps): Promise<unknown> {
  return { role: roleView(await getRole(call, deps, 'get'), call.baseUrl) };
}

export async function createRole(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { role } = call.body as CreateRole;
  const domainId = role.domain_id ?? NO_DOMAIN;
  call.enforce(ruleFor('create', domainId));
  if (domainId !== NO_DOMAIN && (await findProject(deps.db.kysely, domainId))?.is_domain !== 1) {
    throw new Invalid(`Could not find domain: ${domainId}.`);
  }
  const row: RoleRow = {
    id: newId(),
    name: role.name,
    domain_id: domainId,
    description: role.description ?? null,
    options: mergedOptions({ options: '{}' }, role.options ?? {}),
    extra: JSON.stringify(extraOf(role, KNOWN)),
  };
  await unlessTaken('role', async () => deps.db.transaction(async (trx) => insertRole(trx, row)));
  return { role: roleView(row, call.baseUrl) };
}

export async function updateOneRole(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getRole(call, deps, 'update');
  const { role } = call.body as UpdateRole;
  refuseChange(role, roleView(row, call.baseUrl), ['domain_id']);
  refuseImmutable(row, role.options?.immutable !== undefined);
  const changes = defined<RoleRow>({
    name: role.name,
    description: role.description,
    options: role.options === undefined ? undefined : mergedOptions(row, role.options),
    extra: mergedExtra(row, role, KNOWN),
  });
  await unlessTaken('role', async () => deps.db.transaction(async (trx) => updateRole(trx, row.id, changes)));
  await deps.revocations.announce({ all: true });
  return { role: roleView({ ...row, ...changes }, call.baseUrl) };
}

export async function removeOneRole(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getRole(call, deps, 'delete');
  refuseImmutable(row, false);
  await deps.db.transaction(async (trx) => removeRoleWithAll(trx, row.id));
  await deps.revocations.announce({ all: true });
  return undefined;
}

function refuseImmutable(row: RoleRow, lifting: boolean): void {
  if (parseObject(row.options)['immutable'] === true && !lifting) {
    throw new Forbidden(`role ${row.id} is immutable.`);
  }
}

async function getRole(call: Call, deps: IdentityDeps, verb: string): Promise<RoleRow> {
  const id = call.params['id'] ?? '';
  const row = await lookUp(id, async (key) => findRole(deps.db.kysely, key));
  call.enforce(ruleFor(verb, row?.domain_id ?? NO_DOMAIN));
  if (!row) throw new NotFound('role', id);
  return row;
}
