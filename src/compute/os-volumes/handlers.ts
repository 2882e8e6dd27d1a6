// Volumes and snapshots in compute's old words: each call is one on the volume service, with the caller's token.
import { expectOk, type RestRequest } from '#platform/clients/transport.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { NotFound } from '#compute/errors.ts';
import { isTrue } from '#compute/schema-types.ts';

type Row = Readonly<Record<string, unknown>>;

/** A kind of thing that the volume service keeps. */
export interface Proxied {
  /** `volumes`: its path there, and its name in lists. */
  readonly plural: string;
  readonly singular: string;
  readonly view: (row: Row) => Row;
  readonly bodyOf: (wanted: Row) => Row;
}

const namesOf = ({ name, description }: Row): Row => ({ displayName: name, displayDescription: description });

const wantedNames = ({ display_name: name, display_description: description }: Row): Row => ({
  ...(name === undefined ? {} : { name }),
  ...(description === undefined ? {} : { description }),
});

export const VOLUMES: Proxied = {
  plural: 'volumes',
  singular: 'volume',
  view: (row) => ({
    id: row['id'],
    status: row['status'],
    size: row['size'],
    availabilityZone: row['availability_zone'],
    createdAt: row['created_at'],
    ...namesOf(row),
    volumeType: row['volume_type'],
    snapshotId: row['snapshot_id'],
    metadata: row['metadata'],
    attachments: attachmentsOf(row),
  }),
  bodyOf: ({ display_name, display_description, ...wanted }) => ({
    ...wanted,
    ...wantedNames({ display_name, display_description }),
  }),
};

/** An empty object stands for none, as it always has. */
function attachmentsOf(row: Row): readonly Row[] {
  const attachments = row['attachments'] as readonly Row[];
  if (attachments.length === 0) return [{}];
  return attachments.map(({ server_id, device }) => ({
    id: row['id'],
    volumeId: row['id'],
    serverId: server_id,
    ...(device === null ? {} : { device }),
  }));
}

export const SNAPSHOTS: Proxied = {
  plural: 'snapshots',
  singular: 'snapshot',
  view: (row) => ({
    id: row['id'],
    volumeId: row['volume_id'],
    status: row['status'],
    size: row['size'],
    createdAt: row['created_at'],
    ...namesOf(row),
  }),
  bodyOf: ({ volume_id, force, ...names }) => ({
    volume_id,
    force: isTrue(force ?? false),
    ...wantedNames(names),
  }),
};

type Handler = (call: Call, deps: ComputeDeps) => Promise<unknown>;

async function ask(
  call: Call,
  { peer }: ComputeDeps,
  request: Pick<RestRequest, 'method' | 'path' | 'body'>,
): Promise<Row> {
  const { path, ...rest } = request;
  const wanted = { ...rest, path: `/v3${path}`, token: call.token ?? '' };
  return ((await expectOk('volume', peer('volume'), wanted, [200, 202])).body ?? {}) as Row;
}

/** Where the volume service counts from a limit and an offset, compute did as well. */
export const listAll =
  ({ plural, view }: Proxied): Handler =>
  async (call, deps) => {
    const query = new URLSearchParams();
    for (const name of ['limit', 'offset']) {
      const value = call.query.get(name);
      if (value !== null) query.set(name, value);
    }
    const answer = await ask(call, deps, { method: 'GET', path: `/${plural}/detail?${query}` });
    return { [plural]: (answer[plural] as readonly Row[]).map(view) };
  };

const placeOf = (call: Call, { plural }: Proxied): string =>
  `/${plural}/${encodeURIComponent(call.params['id'] ?? '')}`;

export const showOne =
  (proxied: Proxied): Handler =>
  async (call, deps) => {
    const answer = await found(call, proxied, async () =>
      ask(call, deps, { method: 'GET', path: placeOf(call, proxied) }),
    );
    return { [proxied.singular]: proxied.view(answer[proxied.singular] as Row) };
  };

export const createOne =
  ({ plural, singular, view, bodyOf }: Proxied): Handler =>
  async (call, deps) => {
    const wanted = (call.body as Record<string, Row>)[singular] ?? {};
    const body = { [singular]: bodyOf(wanted) };
    const answer = await withinQuota(async () =>
      ask(call, deps, { method: 'POST', path: `/${plural}`, body }),
    );
    return { [singular]: view({ attachments: [], ...(answer[singular] as Row) }) };
  };

export const removeOne =
  (proxied: Proxied): Handler =>
  async (call, deps) => {
    await found(call, proxied, async () =>
      ask(call, deps, { method: 'DELETE', path: placeOf(call, proxied) }),
    );
    return new Reply(202);
  };

async function found<T>(call: Call, { singular }: Proxied, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind !== 'not-found') throw error;
    const id = (call.params['id'] ?? '').slice(0, 255);
    throw new NotFound(`${singular === 'volume' ? 'Volume' : 'Snapshot'} ${id} could not be found.`);
  }
}

/** Compute answered 403 for a quota, where the volume service answers 413. */
async function withinQuota<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind !== 'too-large') throw error;
    throw new DomainError('over-limit', 'quota-exceeded', error.message);
  }
}
