// What users let consumers do: `/v3/users/{id}/OS-OAUTH1/access_tokens` and the roles of each.
import type { Call } from '#platform/http/api.ts';
import type { AccessTokenRow } from '../database.ts';
import { isDelegated } from '../delegated.ts';
import type { IdentityDeps } from '../deps.ts';
import { Forbidden, NotFound } from '../errors.ts';
import { listAnswer } from '../listing.ts';
import { lookUp } from '../resource.ts';
import { roleView } from '../roles/view.ts';
import { listAccessTokenRows, removeAccessTokens } from './store.ts';

function view(row: AccessTokenRow, baseUrl: string): Record<string, unknown> & { id: string } {
  const self = `${baseUrl}/v3/users/${row.user_id}/OS-OAUTH1/access_tokens/${row.id}`;
  return {
    id: row.id,
    consumer_id: row.consumer_id,
    project_id: row.project_id,
    authorizing_user_id: row.user_id,
    expires_at: row.expires_at,
    links: { self, roles: `${self}/roles` },
  };
}

export async function listAccessTokens(call: Call, deps: IdentityDeps): Promise<unknown> {
  refuseDelegated(call);
  const userId = call.params['id'] ?? '';
  const rows =
    (await lookUp(userId, async (key) => listAccessTokenRows(deps.db.kysely, { user_id: key }))) ?? [];
  return listAnswer(
    call,
    'access_tokens',
    rows.map((row) => view(row, call.baseUrl)),
    [],
  );
}

export async function showAccessToken(call: Call, deps: IdentityDeps): Promise<unknown> {
  refuseDelegated(call);
  return { access_token: view(await getAccessToken(call, deps), call.baseUrl) };
}

export async function removeAccessToken(call: Call, deps: IdentityDeps): Promise<unknown> {
  refuseDelegated(call);
  const row = await getAccessToken(call, deps);
  await deps.db.transaction(async (trx) => removeAccessTokens(trx, { id: row.id }));
  await deps.revocations.announce({ user_id: row.user_id });
  return undefined;
}

export async function listAccessTokenRoles(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getAccessToken(call, deps);
  const { roles } = await deps.directory.roleGraph();
  const views = (JSON.parse(row.roles) as string[]).flatMap((id) => {
    const role = roles.get(id);
    return role ? [roleView(role, call.baseUrl)] : [];
  });
  return listAnswer(call, 'roles', views);
}

export async function showAccessTokenRole(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getAccessToken(call, deps);
  const id = call.params['role_id'] ?? '';
  const { roles } = await deps.directory.roleGraph();
  const role = (JSON.parse(row.roles) as string[]).includes(id) ? roles.get(id) : undefined;
  if (!role) throw new NotFound('role', id);
  return { role: roleView(role, call.baseUrl) };
}

/** @throws NotFound for another user's too */
async function getAccessToken(call: Call, deps: IdentityDeps): Promise<AccessTokenRow> {
  const { id: userId = '', token_id: id = '' } = call.params;
  const [row] = (await lookUp(id, async (key) => listAccessTokenRows(deps.db.kysely, { id: key }))) ?? [];
  if (row?.user_id !== userId) throw new NotFound('access token', id);
  return row;
}

function refuseDelegated(call: Call): void {
  if (isDelegated(call.principal)) {
    throw new Forbidden('Cannot manage OAuth access tokens with a token issued via delegation.');
  }
}
