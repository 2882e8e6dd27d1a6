// List, show, create, update, remove a credential. Blobs are encrypted in the database.
import type { Call } from '#platform/http/api.ts';
import type { CredentialRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { isWithinDelegation, refuseBeyondProject, refuseRestricted } from '../delegated.ts';
import { BINDINGS, bindingsOf, idOfAccess, objectIn } from '../ec2/keys.ts';
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

const EC2 = 'ec2';
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
  const seen = rows.filter(
    (row) =>
      call.allows('identity:list_credentials', { 'target.credential.user_id': row.user_id }) &&
      isWithinDelegation(call.principal, row.project_id),
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
  const isEc2 = credential.type.toLowerCase() === EC2;
  if (isEc2) await refuseRestricted(call, deps, 'additional credentials');
  refuseBeyondProject(call, projectId);
  if (isEc2 && projectId === null) throw new Invalid('An ec2 credential needs a project_id.');
  const ec2 = isEc2 ? boundBlob(call, credential.blob) : undefined;
  const row: CredentialRow = {
    id: ec2 ? idOfAccess(ec2.access) : newId(),
    user_id: userId,
    project_id: projectId,
    type: isEc2 ? EC2 : credential.type,
    encrypted_blob: seal(deps, ec2?.blob ?? credential.blob),
    extra: JSON.stringify(extraOf(credential, KNOWN)),
  };
  await unlessTaken('credential', async () => deps.db.transaction(async (trx) => insertCredential(trx, row)));
  return { credential: view(row, deps, call.baseUrl) };
}

/** Bound to what the caller's token was made with, whatever the text says. @throws Invalid */
function boundBlob(call: Call, text: string): { access: string; blob: string } {
  const given = ec2Blob(text);
  const bindings = bindingsOf(call.principal);
  for (const key of BINDINGS) {
    if ((given[key] ?? bindings[key] ?? null) !== (bindings[key] ?? null)) {
      throw new Invalid(`${key} of a credential follows from the token that makes it.`);
    }
  }
  const bound = Object.keys(bindings).length === 0 ? text : JSON.stringify({ ...given, ...bindings });
  return { access: given.access, blob: bound };
}

/** An ec2 credential's id follows from its access key, so that there is one of each. @throws Invalid */
function ec2Blob(text: string): Record<string, unknown> & { access: string } {
  const blob = objectIn(text);
  const access = blob?.['access'];
  if (!blob || typeof access !== 'string' || access === '') {
    throw new Invalid('The blob of an ec2 credential is JSON with an access key.');
  }
  return { ...blob, access };
}

function seal(deps: IdentityDeps, blob: string): string {
  return deps.credentialKeys.seal(Buffer.from(blob, 'utf8'), deps.clock.now());
}

/** Keeps what it was bound to when it was made, and is of that alone. @throws Invalid */
function refuseRebinding(
  row: CredentialRow,
  deps: IdentityDeps,
  { blob, project_id: projectId }: UpdateCredential['credential'],
): void {
  const before = objectIn(deps.credentialKeys.open(row.encrypted_blob)?.toString('utf8') ?? '');
  const isBound = BINDINGS.some((key) => (before?.[key] ?? null) !== null);
  if (isBound && projectId !== undefined && projectId !== row.project_id) {
    throw new Invalid('project_id can not be updated for credential');
  }
  if (blob === undefined) return;
  const after = ec2Blob(blob);
  for (const key of BINDINGS) {
    if ((before?.[key] ?? null) !== (after[key] ?? null)) {
      throw new Invalid(`${key} can not be updated for credential`);
    }
  }
}

export async function updateOneCredential(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getCredential(call, deps, 'identity:update_credential');
  const { credential } = call.body as UpdateCredential;
  // Whoever has a user's credential can act as that user: nobody hands one on, administrators neither.
  if (credential.user_id !== undefined && credential.user_id !== row.user_id) {
    throw new Invalid('user_id can not be updated for credential');
  }
  const projectId = credential.project_id === undefined ? row.project_id : credential.project_id;
  refuseBeyondProject(call, projectId);
  const type = credential.type?.toLowerCase() === EC2 ? EC2 : credential.type;
  if ((row.type === EC2) !== ((type ?? row.type) === EC2)) {
    throw new Invalid('The type ec2 is given to a credential when it is made, and stays.');
  }
  if (row.type === EC2) {
    await refuseRestricted(call, deps, 'additional credentials');
    if (projectId === null) throw new Invalid('An ec2 credential needs a project_id.');
    refuseRebinding(row, deps, credential);
  }
  const changes = defined<CredentialRow>({
    project_id: credential.project_id,
    type,
    encrypted_blob: credential.blob === undefined ? undefined : seal(deps, credential.blob),
    extra: mergedExtra(row, credential, KNOWN),
  });
  await deps.db.transaction(async (trx) => updateCredential(trx, row.id, changes));
  return { credential: view({ ...row, ...changes }, deps, call.baseUrl) };
}

export async function removeCredential(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getCredential(call, deps, 'identity:delete_credential');
  if (row.type === EC2) await refuseRestricted(call, deps, 'additional credentials');
  await deps.db.transaction(async (trx) => removeCredentials(trx, { id: row.id }));
  return undefined;
}

async function getCredential(call: Call, deps: IdentityDeps, rule: string): Promise<CredentialRow> {
  const id = call.params['id'] ?? '';
  const row = await lookUp(id, async (key) => findCredential(deps.db.kysely, key));
  const found = authorized(call, rule, { what: 'credential', id, row }, (each) => ({
    'target.credential.user_id': each.user_id,
  }));
  refuseBeyondProject(call, found.project_id);
  return found;
}
