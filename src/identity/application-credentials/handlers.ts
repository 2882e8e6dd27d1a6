// List, show, create, remove an application credential.
import { randomBytes } from 'node:crypto';
import type { Call } from '#platform/http/api.ts';
import type { AccessRuleRow, ApplicationCredentialRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { findAccessRule, insertAccessRule, listAccessRulesOfUser } from '../access-rules/store.ts';
import { refuseEntrusted, refuseRestricted } from '../delegated.ts';
import { Forbidden, Invalid, NotFound } from '../errors.ts';
import { expiryOf } from '../expiry.ts';
import { listAnswer } from '../listing.ts';
import { authorized, lookUp, unlessTaken } from '../resource.ts';
import type { IdentityExecutor } from '../database.ts';
import type { CreateApplicationCredential } from './schema.ts';
import {
  findApplicationCredential,
  insertApplicationCredential,
  listApplicationCredentials,
  listRulesOfCredentials,
  removeApplicationCredentials,
} from './store.ts';
import { credentialView } from './view.ts';

type Given = CreateApplicationCredential['application_credential'];

const OTHERS = 'additional application credentials'; // they would outlive the one that made them
const WHAT = 'application credentials';

export async function listCredentials(call: Call, deps: IdentityDeps): Promise<unknown> {
  const userId = call.params['id'] ?? '';
  call.enforce('identity:list_application_credentials', { 'target.user.id': userId, user_id: userId });
  refuseEntrusted(call, WHAT);
  const name = call.query.get('name');
  const rows =
    (await lookUp(userId, async (key) => listApplicationCredentials(deps.db.kysely, { user_id: key }))) ?? [];
  const wanted = rows.filter((row) => name === null || row.name === name);
  const rules = await listRulesOfCredentials(
    deps.db.kysely,
    wanted.map((row) => row.id),
  );
  const graph = await deps.directory.roleGraph();
  const views = wanted.map((row) =>
    credentialView(
      row,
      graph,
      rules.filter((rule) => rule.application_credential_id === row.id),
      call.baseUrl,
    ),
  );
  return listAnswer(call, 'application_credentials', views);
}

export async function showApplicationCredential(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getCredential(call, deps, 'identity:get_application_credential');
  const rules = await listRulesOfCredentials(deps.db.kysely, [row.id]);
  const graph = await deps.directory.roleGraph();
  return { application_credential: credentialView(row, graph, rules, call.baseUrl) };
}

export async function createApplicationCredential(call: Call, deps: IdentityDeps): Promise<unknown> {
  const userId = call.params['id'] ?? '';
  call.enforce('identity:create_application_credential', { 'target.user.id': userId, user_id: userId });
  refuseEntrusted(call, WHAT);
  await refuseRestricted(call, deps, OTHERS);
  const { application_credential: given } = call.body as CreateApplicationCredential;
  const { projectId } = call.principal;
  if (projectId === undefined)
    throw new Forbidden('application credentials are made with a project-scoped token.');
  const secret = given.secret ?? randomBytes(64).toString('base64url');
  const row: ApplicationCredentialRow = {
    id: newId(),
    name: given.name,
    user_id: userId,
    project_id: projectId,
    description: given.description ?? null,
    secret_hash: await deps.hasher.hash(secret),
    roles: JSON.stringify(await rolesOf(call, deps, given)),
    expires_at: endOf(deps, given),
    unrestricted: given.unrestricted === true ? 1 : 0,
    restricted_access: given.access_rules === undefined ? 0 : 1,
    created_at: new Date(deps.clock.now()).toISOString(),
  };
  const rules = await unlessTaken('application credential', async () =>
    deps.db.transaction(async (trx) => {
      const bound = await bindRules(trx, userId, given.access_rules ?? []);
      await insertApplicationCredential(
        trx,
        row,
        bound.map((rule) => rule.id),
      );
      return bound;
    }),
  );
  const view = credentialView(row, await deps.directory.roleGraph(), rules, call.baseUrl);
  return { application_credential: { ...view, secret } };
}

/** Those asked for, which the token must have; else all of the token's. */
async function rolesOf(call: Call, deps: IdentityDeps, given: Given): Promise<string[]> {
  const graph = await deps.directory.roleGraph();
  const held = [...graph.roles.values()].filter(
    (role) => role.domain_id === '' && call.principal.roles.includes(role.name),
  );
  if (given.roles === undefined || given.roles.length === 0) return held.map((role) => role.id);
  return given.roles.map((asked) => {
    if (asked.id === undefined && ![...graph.roles.values()].some((role) => role.name === asked.name)) {
      throw new NotFound('role', asked.name ?? '');
    }
    const role = held.find((each) =>
      asked.id === undefined ? each.name === asked.name : each.id === asked.id,
    );
    if (!role) {
      throw new Invalid(
        `Invalid application credential: Could not find role assignment with role: ${asked.id ?? asked.name}, user or group: ${call.principal.userId}, project: ${call.principal.projectId}.`,
      );
    }
    return role.id;
  });
}

function endOf(deps: IdentityDeps, given: Given): string | null {
  const text = given.expires_at ?? null;
  return text === null ? null : expiryOf(text, deps.clock, 'an application credential');
}

/** Existing rules by id, others by what they say: the same rule is kept once a user. */
async function bindRules(
  trx: IdentityExecutor,
  userId: string,
  asked: NonNullable<Given['access_rules']>,
): Promise<AccessRuleRow[]> {
  const known = await listAccessRulesOfUser(trx, userId);
  const bound = new Map<string, AccessRuleRow>();
  for (const each of asked) {
    if ('id' in each) {
      const rule = await findAccessRule(trx, each.id);
      if (rule?.user_id !== userId) throw new Invalid(`Could not find Access Rule: ${each.id}.`);
      bound.set(rule.id, rule);
      continue;
    }
    const { service, method, path } = each;
    const same = known.find(
      (rule) => rule.service === service && rule.method === method && rule.path === path,
    );
    const rule = same ?? { id: newId(), user_id: userId, service, method, path };
    if (!same) {
      await insertAccessRule(trx, rule);
      known.push(rule);
    }
    bound.set(rule.id, rule);
  }
  return [...bound.values()];
}

export async function removeApplicationCredential(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { id: userId = '' } = call.params;
  call.enforce('identity:delete_application_credential', { 'target.user.id': userId, user_id: userId });
  await refuseRestricted(call, deps, OTHERS);
  const row = await getCredential(call, deps, 'identity:delete_application_credential');
  await deps.db.transaction(async (trx) => removeApplicationCredentials(trx, { id: row.id }));
  await deps.revocations.announce({ user_id: row.user_id });
  return undefined;
}

async function getCredential(
  call: Call,
  deps: IdentityDeps,
  rule: string,
): Promise<ApplicationCredentialRow> {
  const { id: userId = '', credential_id: id = '' } = call.params;
  call.enforce(rule, { 'target.user.id': userId, user_id: userId });
  refuseEntrusted(call, WHAT);
  const row = await lookUp(id, async (key) => findApplicationCredential(deps.db.kysely, key));
  if (row?.user_id !== userId) throw new NotFound('application credential', id);
  return authorized(call, rule, { what: 'application credential', id, row }, (found) => ({
    'target.user.id': found.user_id,
  }));
}
