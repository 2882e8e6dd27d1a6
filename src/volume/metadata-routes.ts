// The metadata of volumes and snapshots: one set of routes for both.
import { createHash } from 'node:crypto';
import { Reply, type Call } from '#platform/http/api.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps, VolumeRoute } from './deps.ts';
import { InvalidInput, ResourceNotFound } from './errors.ts';
import { metadataBody, metaItemBody } from './volumes/schema.ts';
import type { VolumeTables } from './tables.ts';

type Metadata = Readonly<Record<string, string>>;
type Db = Executor<VolumeTables>;

export interface MetadataOwner {
  /** `/volumes`, `/snapshots` */
  readonly path: string;
  readonly rules: Readonly<Record<'get' | 'create' | 'update' | 'delete', string>>;
  /** @throws DomainError when the caller may not do what `rule` is about */
  find(
    call: Call,
    deps: VolumeDeps,
    rule: string,
  ): Promise<{ readonly id: string; readonly metadata: Metadata }>;
  add(trx: Db, id: string, entries: Metadata): Promise<void>;
  clear(trx: Db, id: string): Promise<void>;
  removeKey(trx: Db, id: string, key: string): Promise<boolean>;
}

export function metadataRoutes(owner: MetadataOwner): VolumeRoute[] {
  const all = `${owner.path}/:id/metadata`;
  const { get, create, update, delete: remove } = owner.rules;
  const body = (call: Call): Metadata => (call.body as { metadata: Metadata }).metadata;

  const show = async (call: Call, deps: VolumeDeps): Promise<Reply> =>
    answer(call, (await owner.find(call, deps, get)).metadata);

  const add = async (call: Call, deps: VolumeDeps): Promise<Reply> => {
    const { id } = await owner.find(call, deps, create);
    await deps.db.transaction(async (trx) => owner.add(trx, id, body(call)));
    return answer(call, (await owner.find(call, deps, get)).metadata);
  };

  const replace = async (call: Call, deps: VolumeDeps): Promise<Reply> => {
    const { id, metadata } = await owner.find(call, deps, update);
    refuseStale(call, metadata);
    await deps.db.transaction(async (trx) => {
      await owner.clear(trx, id);
      await owner.add(trx, id, body(call));
    });
    return answer(call, body(call));
  };

  const showKey = async (call: Call, deps: VolumeDeps): Promise<unknown> => {
    const { metadata } = await owner.find(call, deps, get);
    const key = call.params['key'] ?? '';
    if (!Object.hasOwn(metadata, key)) throw new ResourceNotFound('Metadata item', key);
    return { meta: { [key]: metadata[key] } };
  };

  const setKey = async (call: Call, deps: VolumeDeps): Promise<unknown> => {
    const { id } = await owner.find(call, deps, update);
    const { meta } = call.body as { meta: Metadata };
    const key = call.params['key'] ?? '';
    if (Object.keys(meta).length !== 1) throw new InvalidInput('Request body contains too many items.');
    if (!Object.hasOwn(meta, key)) throw new InvalidInput('Request body and URI mismatch.');
    await deps.db.transaction(async (trx) => owner.add(trx, id, meta));
    return { meta };
  };

  const removeKey = async (call: Call, deps: VolumeDeps): Promise<void> => {
    const { id } = await owner.find(call, deps, remove);
    const key = call.params['key'] ?? '';
    const removed = await deps.db.transaction(async (trx) => owner.removeKey(trx, id, key));
    if (!removed) throw new ResourceNotFound('Metadata item', key);
  };

  return [
    { method: 'GET', path: all, handler: show },
    { method: 'POST', path: all, handler: add, body: metadataBody },
    { method: 'PUT', path: all, handler: replace, body: metadataBody, errors: [412] },
    { method: 'GET', path: `${all}/:key`, handler: showKey },
    { method: 'PUT', path: `${all}/:key`, handler: setKey, body: metaItemBody },
    { method: 'DELETE', path: `${all}/:key`, handler: removeKey },
  ];
}

/** With its ETag from 3.15 on, so that who changes it can say what they saw. */
function answer(call: Call, metadata: Metadata): Reply {
  return new Reply(200, { metadata }, atLeast(call.microversion, '3.15') ? { etag: tagOf(metadata) } : {});
}

function refuseStale(call: Call, metadata: Metadata): void {
  const wanted = call.headers['if-match'];
  if (wanted === undefined || !atLeast(call.microversion, '3.15') || wanted === tagOf(metadata)) return;
  throw new DomainError(
    'precondition-failed',
    'metadata-changed',
    'The metadata has changed since it was read.',
  );
}

function tagOf(metadata: Metadata): string {
  const sorted = Object.fromEntries(Object.entries(metadata).toSorted(([a], [b]) => a.localeCompare(b)));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 32);
}
