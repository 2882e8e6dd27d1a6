// Key pairs: they belong to users, not to projects. A private key is shown once and kept nowhere.
import { Reply, type Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { Conflict, InvalidInput, NotFound } from '#compute/errors.ts';
import { nextLink, readLimit } from '#compute/paging.ts';
import { assertQuota } from '#compute/quota-sets/count.ts';
import { PAGING, refuseUnknownQuery } from '#compute/strict-query.ts';
import type { KeypairRow } from './tables.ts';
import { generateCertificate } from './certificate.ts';
import { generateSshKey, sshFingerprint, x509Fingerprint } from './public-key.ts';
import { findKeypair, insertKeypair, listKeypairs, removeKeypair } from './store.ts';

const MOST = 1000;

type Json = Record<string, unknown>;

/** The user whose keys are meant: administrators may name another from 2.10 on. */
function userOf(call: Call, rule: string, asked: string | null | undefined): string {
  const userId = atLeast(call.microversion, '2.10') && asked ? asked : call.principal.userId;
  call.enforce(`os_compute_api:os-keypairs:${rule}`, { user_id: userId });
  return userId;
}

function brief(call: Call, row: KeypairRow): Json {
  return {
    name: row.name,
    public_key: row.public_key,
    fingerprint: row.fingerprint,
    ...(atLeast(call.microversion, '2.2') ? { type: row.type } : {}),
  };
}

export async function listAll(call: Call, deps: ComputeDeps): Promise<unknown> {
  refuseUnknownQuery(call, '2.75', ['user_id', ...PAGING]);
  const userId = userOf(call, 'index', call.query.get('user_id'));
  const paged = atLeast(call.microversion, '2.35');
  const marker = paged ? (call.query.get('marker') ?? undefined) : undefined;
  if (marker !== undefined && !(await findKeypair(deps.db.kysely, userId, marker)))
    throw new InvalidInput(`marker [${marker.slice(0, 255)}] not found`, 'no-such-marker');
  const limit = paged ? readLimit(call.query, MOST) : MOST;
  const rows = limit === 0 ? [] : await listKeypairs(deps.db.kysely, userId, { limit, marker });
  const names = rows.map((row) => row.name);
  return {
    keypairs: rows.map((row) => ({ keypair: brief(call, row) })),
    ...(paged ? nextLink(call, '/v2.1/os-keypairs', 'keypairs', names, MOST) : {}),
  };
}

export async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  refuseUnknownQuery(call, '2.75', ['user_id']);
  const userId = userOf(call, 'show', call.query.get('user_id'));
  const name = call.params['name'] ?? '';
  const row = await findKeypair(deps.db.kysely, userId, name);
  if (!row) throw absent(name, userId);
  return {
    keypair: {
      ...brief(call, row),
      id: row.id,
      user_id: row.user_id,
      created_at: `${row.created_at.slice(0, 23)}000`,
      updated_at: null,
      deleted: false,
      deleted_at: null,
    },
  };
}

const absent = (name: string, user: string): NotFound =>
  new NotFound(`Keypair ${name.slice(0, 255)} not found for user ${user}`, 'no-such-keypair');

interface CreateBody {
  readonly keypair: {
    readonly name: string;
    readonly type?: 'ssh' | 'x509';
    readonly public_key?: string | null;
    readonly user_id?: string;
  };
}

export async function create(call: Call, deps: ComputeDeps): Promise<Reply> {
  const { keypair } = call.body as CreateBody;
  const userId = userOf(call, 'create', keypair.user_id);
  const type = keypair.type ?? 'ssh';
  const made = await keyOf(type, keypair.public_key ?? undefined, userId, deps.clock.now());
  const row = await insert(call, deps, { name: keypair.name, user_id: userId, type, ...made.row });
  const { privateKey } = made;
  const status = atLeast(call.microversion, '2.2') ? 201 : 200;
  const view = {
    ...brief(call, row),
    user_id: userId,
    ...(privateKey === undefined ? {} : { private_key: privateKey }),
  };
  return new Reply(status, { keypair: view });
}

async function keyOf(
  type: 'ssh' | 'x509',
  given: string | undefined,
  userId: string,
  now: number,
): Promise<{ row: { public_key: string; fingerprint: string }; privateKey?: string }> {
  if (given !== undefined) {
    const fingerprint = type === 'ssh' ? sshFingerprint(given) : x509Fingerprint(given);
    return { row: { public_key: given, fingerprint } };
  }
  if (type === 'x509') {
    const { certificate, privateKey } = await generateCertificate(userId, now);
    return { row: { public_key: certificate, fingerprint: x509Fingerprint(certificate) }, privateKey };
  }
  const { publicKey, privateKey } = await generateSshKey();
  return { row: { public_key: publicKey, fingerprint: sshFingerprint(publicKey) }, privateKey };
}

async function insert(
  call: Call,
  deps: ComputeDeps,
  key: Omit<KeypairRow, 'id' | 'created_at'>,
): Promise<KeypairRow> {
  try {
    return await deps.db.transaction(async (trx) => {
      if (await findKeypair(trx, key.user_id, key.name)) throw taken(key.name);
      await assertQuota(trx, call.principal.projectId ?? '', key.user_id, { key_pairs: 1 });
      return insertKeypair(trx, { ...key, created_at: new Date(deps.clock.now()).toISOString() });
    });
  } catch (error) {
    throw isUniqueViolation(error) ? taken(key.name) : error;
  }
}

const taken = (name: string): Conflict =>
  new Conflict(`Key pair '${name}' already exists.`, 'keypair-exists');

export async function remove(call: Call, deps: ComputeDeps): Promise<Reply> {
  refuseUnknownQuery(call, '2.75', ['user_id']);
  const userId = userOf(call, 'delete', call.query.get('user_id'));
  const name = call.params['name'] ?? '';
  if (!(await removeKeypair(deps.db.kysely, userId, name))) throw absent(name, userId);
  return new Reply(atLeast(call.microversion, '2.2') ? 204 : 202);
}
