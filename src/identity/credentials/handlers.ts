// List, show, create, update, remove a credential. Blobs are encrypted in the database.
import { hash } from 'node:crypto';
import type { Call } from '#platform/http/api.ts';
import type { CredentialRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { Invalid } from '../errors.ts';
import { exactFilters, listAnswer } from '../listing.ts';
import { authorized, defined, extraOf, lookUp, mergedExtra, parseObject, unlessTaken } from '../resource.ts';
import { findUser } from '../users/store.ts';
import type { CreateCredential, UpdateCredential } from './routes.ts';
import {
  findCredential,
  insertCredential,
  listCredentialRows,
  removeCredentials,
  updateCredential,
} from './store.ts';

const KNOWN = ['type', 'blob', 'user_id', 'project_id'];

function view(
  row: CredentialRow,
  deps: IdentityDeps,
  baseUrl: string,
): Record<string, unknown> & { id: string } {
  return {
    ...parseObject(row.extra),
    id: row.id,
    type: row.type,
    user_id: row.user_id,
    project_id: row.project_id,
    blob: deps.credentialKeys.open(row.encrypted_blob)?.toString('utf8') ?? '',
    links: { self: `${baseUrl}/v3/credentials/${row.id}` },
  };
}

export async function listCredentials(call: Call, deps: IdentityDeps): Promise<unknown> {
  const rows = await listCredentialRows(deps.db.kysely, exactFilters(call, ['user_id', 'type']));
  const seen = rows.filter((row) =>
    call.allows('identity:list_credentials', { 'target.credential.user_id': row.user_id }),
  );
  return listAnswer(
    call,
    'credentials',
    seen.map((row) => view(row, deps, call.baseUrl)),
    ['type'],
  );
}

export async function showCredential(call: Call, deps: IdentityDeps): Promise<unknown> {
  return { credential: view(await getCredential(call, deps, 'identity:get_credential'), deps, call.baseUrl) };
}

export async function createCredential(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { credential } = call.body as CreateCredential;
  const userId = credential.user_id ?? call.principal.userId;
  call.enforce('identity:create_credential', { 'target.credential.user_id': userId });
  if (!(await findUser(deps.db.kysely, userId))) throw new Invalid(`Could not find user: ${userId}.`);
  const projectId = credential.project_id ?? null;
  if (credential.type === 'ec2' && projectId === null)
    throw new Invalid('An ec2 credential needs a project_id.');
  const row: CredentialRow = {
    id: idOf(credential.type, credential.blob),
    user_id: userId,
    project_id: projectId,
    type: credential.type,
    encrypted_blob: seal(deps, credential.blob),
    extra: JSON.stringify(extraOf(credential, KNOWN)),
  };
  await unlessTaken('credential', async () => deps.db.transaction(async (trx) => insertCredential(trx, row)));
  return { credential: view(row, deps, call.baseUrl) };
}

/** An ec2 credential's id follows from its access key, so that there is one of each. @throws Invalid */
function idOf(type: string, blob: string): string {
  if (type !== 'ec2') return newId();
  try {
    const { access } = JSON.parse(blob) as { access?: unknown };
    if (typeof access === 'string') return hash('sha256', access, 'hex');
  } catch {
    // falls through: no JSON, so no access key
  }
  throw new Invalid('The blob of an ec2 credential is JSON with an access key.');
}

function seal(deps: IdentityDeps, blob: string): string {
  return deps.credentialKeys.seal(Buffer.from(blob, 'utf8'), deps.clock.now());
}

export async function updateOneCredential(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getCredential(call, deps, 'identity:update_credential');
  const { credential } = call.body as UpdateCredential;
  const userId = credential.user_id ?? row.user_id;
  call.enforce('identity:update_credential', { 'target.credential.user_id': userId });
  const changes = defined<CredentialRow>({
    user_id: userId,
    project_id: credential.project_id,
    type: credential.type,
    encrypted_blob: credential.blob === undefined ? undefined : seal(deps, credential.blob),
    extra: mergedExtra(row, credential, KNOWN),
  });
  await deps.db.transaction(async (trx) => updateCredential(trx, row.id, changes));
  return { credential: view({ ...row, ...changes }, deps, call.baseUrl) };
}

export async function removeCredential(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getCredential(call, deps, 'identity:delete_credential');
  await deps.db.transaction(async (trx) => removeCredentials(trx, { id: row.id }));
  return undefined;
}

async function getCredential(call: Call, deps: IdentityDeps, rule: string): Promise<CredentialRow> {
  const id = call.params['id'] ?? '';
  const row = await lookUp(id, async (key) => findCredential(deps.db.kysely, key));
  return authorized(call, rule, { what: 'credential', id, row }, (found) => ({
    'target.credential.user_id': found.user_id,
  }));
}
