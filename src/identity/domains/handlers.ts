// List, show, create, update, remove a domain.
import type { Call } from '#platform/http/api.ts';
import type { ProjectRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { Forbidden, Refused, Invalid, NotFound } from '../errors.ts';
import { booleanOf, exactFilters, listAnswer } from '../listing.ts';
import { findProject, insertProject, listProjectRows, NO_DOMAIN, updateProject } from '../projects/store.ts';
import { removeDomainWithAll } from '../removal.ts';
import {
  authorized,
  defined,
  extraOf,
  flag,
  lookUp,
  mergedExtra,
  mergedOptions,
  parseObject,
  unlessTaken,
} from '../resource.ts';
import type { CreateDomain, UpdateDomain } from './schema.ts';
import { domainView } from './view.ts';

const KNOWN = ['name', 'description', 'enabled', 'options', 'tags', 'explicit_domain_id'];

export async function listDomains(call: Call, deps: IdentityDeps): Promise<unknown> {
  call.enforce('identity:list_domains', { 'target.domain.id': call.principal.domainId });
  const enabled = call.query.get('enabled');
  const rows = await listProjectRows(deps.db.kysely, {
    ...exactFilters(call, ['name']),
    is_domain: 1,
    ...(enabled === null ? {} : { enabled: flag(booleanOf(enabled), true) }),
  });
  const seen = rows.filter((row) => call.allows('identity:list_domains', { 'target.domain.id': row.id }));
  return listAnswer(
    call,
    'domains',
    seen.map((row) => domainView(row, call.baseUrl)),
  );
}

export async function showDomain(call: Call, deps: IdentityDeps): Promise<unknown> {
  const id = call.params['id'] ?? '';
  const row = await findDomain(deps, id);
  const domain = authorized(call, 'identity:get_domain', { what: 'domain', id, row }, () => ({
    'target.domain.id': id,
  }));
  return { domain: domainView(domain, call.baseUrl) };
}

export async function createDomain(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { domain } = call.body as CreateDomain;
  const explicit = domain.explicit_domain_id;
  if (explicit !== undefined && !/^[0-9a-f]{32}$/.test(explicit)) {
    throw new Invalid('Invalid domain ID: an explicit one has 32 hexadecimal digits.');
  }
  const row: ProjectRow = {
    id: explicit ?? newId(),
    name: domain.name,
    domain_id: NO_DOMAIN,
    parent_id: '',
    is_domain: 1,
    description: domain.description ?? '',
    enabled: flag(domain.enabled, true),
    tags: JSON.stringify(domain.tags ?? []),
    options: mergedOptions({ options: '{}' }, domain.options ?? {}),
    extra: JSON.stringify(extraOf(domain, KNOWN)),
  };
  await unlessTaken('domain', async () => deps.db.transaction(async (trx) => insertProject(trx, row)));
  return { domain: domainView(row, call.baseUrl) };
}

export async function updateOneDomain(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { domain } = call.body as UpdateDomain;
  const row = await getDomain(deps, call.params['id'] ?? '');
  const keepsImmutable =
    parseObject(row.options)['immutable'] === true && domain.options?.immutable === undefined;
  if (keepsImmutable) throw new Forbidden(`domain ${row.id} is immutable.`);
  const changes = defined<ProjectRow>({
    name: domain.name,
    description: domain.description === null ? '' : domain.description,
    enabled: domain.enabled === undefined ? undefined : flag(domain.enabled, true),
    tags: domain.tags === undefined ? undefined : JSON.stringify(domain.tags),
    options: domain.options === undefined ? undefined : mergedOptions(row, domain.options),
    extra: mergedExtra(row, domain, KNOWN),
  });
  await unlessTaken('domain', async () =>
    deps.db.transaction(async (trx) => updateProject(trx, row.id, changes)),
  );
  await deps.revocations.announce({ domain_id: row.id });
  return { domain: domainView({ ...row, ...changes }, call.baseUrl) };
}

export async function removeOneDomain(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getDomain(deps, call.params['id'] ?? '');
  if (row.enabled === 1) {
    throw new Refused('Cannot delete a domain that is enabled, please disable it first.');
  }
  if (parseObject(row.options)['immutable'] === true) throw new Forbidden(`domain ${row.id} is immutable.`);
  await deps.db.transaction(async (trx) => removeDomainWithAll(trx, row.id));
  await deps.revocations.announce({ all: true });
  return undefined;
}

async function findDomain(deps: IdentityDeps, id: string): Promise<ProjectRow | undefined> {
  const row = await lookUp(id, async (key) => findProject(deps.db.kysely, key));
  return row?.is_domain === 1 ? row : undefined;
}

async function getDomain(deps: IdentityDeps, id: string): Promise<ProjectRow> {
  const row = await findDomain(deps, id);
  if (!row) throw new NotFound('domain', id);
  return row;
}
