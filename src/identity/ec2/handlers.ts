// EC2 credentials: pairs of an access key and a secret that identity makes, for one user on one project. They are rows
// of `/v3/credentials` too, of type ec2.
import type { Call } from '#platform/http/api.ts';
import {
  findCredential,
  insertCredential,
  listCredentialRows,
  removeCredentials,
} from '../credentials/store.ts';
import type { CredentialRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { isWithinDelegation, refuseBeyondProject, refuseRestricted } from '../delegated.ts';
import { NotFound } from '../errors.ts';
import { findProject } from '../projects/store.ts';
import { lookUp } from '../resource.ts';
import { findUser } from '../users/store.ts';
import { bindingsOf, idOfAccess, keysOf } from './keys.ts';
import type { CreateEc2 } from './routes.ts';

function view(row: CredentialRow, deps: IdentityDeps, baseUrl: string): object | undefined {
  const keys = keysOf(row, deps);
  return (
    keys && {
      user_id: row.user_id,
      tenant_id: row.project_id,
      access: keys.access,
      secret: keys.secret,
      trust_id: keys.trust_id ?? null,
      links: {
        self: `${baseUrl}/v3/users/${row.user_id}/credentials/OS-EC2/${encodeURIComponent(keys.access)}`,
      },
    }
  );
}

export async function listEc2(call: Call, deps: IdentityDeps): Promise<unknown> {
  const userId = await userOf(call, deps, 'identity:ec2_list_credentials');
  const rows = await listCredentialRows(deps.db.kysely, { user_id: userId, type: 'ec2' });
  const seen = rows.filter((row) => isWithinDelegation(call.principal, row.project_id));
  return {
    credentials: seen.flatMap((row) => view(row, deps, call.baseUrl) ?? []),
    links: { next: null, previous: null, self: `${call.baseUrl}${call.path}` },
  };
}

export async function createEc2(call: Call, deps: IdentityDeps): Promise<unknown> {
  const userId = await userOf(call, deps, 'identity:ec2_create_credential');
  await refuseRestricted(call, deps, 'additional credentials');
  const { tenant_id: projectId } = call.body as CreateEc2;
  refuseBeyondProject(call, projectId);
  const project = await lookUp(projectId, async (key) => findProject(deps.db.kysely, key));
  if (!project) throw new NotFound('project', projectId);
  const access = newId();
  const blob = JSON.stringify({ access, secret: newId(), trust_id: null, ...bindingsOf(call.principal) });
  const row: CredentialRow = {
    id: idOfAccess(access),
    user_id: userId,
    project_id: projectId,
    type: 'ec2',
    encrypted_blob: deps.credentialKeys.seal(Buffer.from(blob, 'utf8'), deps.clock.now()),
    extra: '{}',
  };
  await deps.db.transaction(async (trx) => insertCredential(trx, row));
  return { credential: view(row, deps, call.baseUrl) };
}

export async function showEc2(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getEc2(call, deps, 'identity:ec2_get_credential');
  return { credential: view(row, deps, call.baseUrl) };
}

export async function removeEc2(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { id } = await getEc2(call, deps, 'identity:ec2_delete_credential');
  await refuseRestricted(call, deps, 'additional credentials');
  await deps.db.transaction(async (trx) => removeCredentials(trx, { id }));
  return undefined;
}

/** @throws PolicyDenied first @throws NotFound */
async function userOf(call: Call, deps: IdentityDeps, rule: string): Promise<string> {
  const id = call.params['id'] ?? '';
  call.enforce(rule, { 'target.credential.user_id': id });
  if (!(await lookUp(id, async (key) => findUser(deps.db.kysely, key)))) throw new NotFound('user', id);
  return id;
}

/** @throws NotFound for another user's too */
async function getEc2(call: Call, deps: IdentityDeps, rule: string): Promise<CredentialRow> {
  const userId = await userOf(call, deps, rule);
  const access = call.params['access'] ?? '';
  const row = await findCredential(deps.db.kysely, idOfAccess(access));
  if (row?.type !== 'ec2' || row.user_id !== userId || !keysOf(row, deps))
    throw new NotFound('credential', access);
  refuseBeyondProject(call, row.project_id);
  return row;
}
