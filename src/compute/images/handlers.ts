// Images through compute: what the image service answers to the caller's own token, in compute's old words.
import type { Image } from '#platform/clients/image.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { Forbidden, InvalidInput, NotFound } from '#compute/errors.ts';
import { lastSegment } from '#compute/servers/create/launch-request.ts';
import { nextLink, readLimit } from '#compute/paging.ts';
import { assertQuota } from '#compute/quota-sets/count.ts';
import { briefImageView, imageView, metadataOf } from './view.ts';

const tokenOf = (call: Call): string => call.token ?? '';

const absent = (): NotFound => new NotFound('Image not found.', 'image-not-found');

async function requireImage(call: Call, deps: ComputeDeps): Promise<Image> {
  const image = await deps.image.findImage(tokenOf(call), call.params['id'] ?? '');
  if (!image) throw absent();
  return image;
}

/** Compute's filters in the image service's words. Others pass nothing on. */
function filtersOf(query: URLSearchParams): Record<string, string> {
  const words: Readonly<Record<string, string>> = {
    name: 'name',
    minDisk: 'min_disk',
    minRam: 'min_ram',
    server: 'instance_uuid',
    type: 'image_type',
  };
  const filters: Record<string, string> = {};
  for (const [key, value] of query) {
    const word = words[key] ?? (key.startsWith('property-') ? key.slice('property-'.length) : undefined);
    if (word !== undefined) filters[word] = key === 'server' ? lastSegment(value) : value;
  }
  const status = query.get('status');
  if (status !== null)
    filters['status'] = status.toLowerCase() === 'saving' ? 'in:queued,saving' : status.toLowerCase();
  const since = query.get('changes-since');
  if (since !== null) {
    if (Number.isNaN(Date.parse(since))) throw new InvalidInput('Invalid changes-since value.');
    filters['updated_at'] = `gte:${new Date(since).toISOString()}`;
  }
  return filters;
}

async function list(
  call: Call,
  deps: ComputeDeps,
  view: (call: Call, image: Image) => unknown,
  path: string,
): Promise<unknown> {
  const limit = readLimit(call.query, deps.config.maxLimit);
  const marker = call.query.get('marker');
  const filters = { ...filtersOf(call.query), ...(marker === null ? {} : { marker }) };
  const page = await inOldWords(async () => deps.image.listImages(tokenOf(call), filters, limit));
  const ids = page.map(({ id }) => id);
  return {
    images: page.map((image) => view(call, image)),
    ...nextLink(call, path, 'images', ids, deps.config.maxLimit),
  };
}

export const listAll = async (call: Call, deps: ComputeDeps): Promise<unknown> =>
  list(call, deps, briefImageView, '/v2.1/images');
export const listDetailed = async (call: Call, deps: ComputeDeps): Promise<unknown> =>
  list(call, deps, imageView, '/v2.1/images/detail');

export async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  return { image: imageView(call, await requireImage(call, deps)) };
}

export async function remove(call: Call, deps: ComputeDeps): Promise<Reply> {
  const { id } = await requireImage(call, deps);
  await inOldWords(async () => deps.image.deleteImage(tokenOf(call), id));
  return new Reply(204);
}

type Metadata = Record<string, string>;

export async function listMetadata(call: Call, deps: ComputeDeps): Promise<unknown> {
  return { metadata: metadataOf(await requireImage(call, deps)) };
}

export async function showItem(call: Call, deps: ComputeDeps): Promise<unknown> {
  const key = call.params['key'] ?? '';
  const metadata = metadataOf(await requireImage(call, deps));
  if (!Object.hasOwn(metadata, key)) throw new NotFound('Metadata item was not found', 'no-such-metadata');
  return { meta: { [key]: metadata[key] } };
}

/** @returns the metadata afterwards */
async function change(
  call: Call,
  deps: ComputeDeps,
  next: (before: Metadata) => Metadata,
): Promise<Metadata> {
  const image = await requireImage(call, deps);
  const before = metadataOf(image);
  const after = next(before);
  const { projectId = '', userId } = call.principal;
  await assertQuota(deps.db.kysely, projectId, userId, { metadata_items: Object.keys(after).length });
  const set = Object.entries(after).filter(([key, value]) => before[key] !== value);
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  await inOldWords(async () =>
    deps.image.updateProperties(tokenOf(call), image.id, Object.fromEntries(set), gone),
  );
  return after;
}

const bodyOf = (call: Call): Metadata => (call.body as { readonly metadata: Metadata }).metadata;

export async function addMetadata(call: Call, deps: ComputeDeps): Promise<unknown> {
  return { metadata: await change(call, deps, (before) => ({ ...before, ...bodyOf(call) })) };
}

export async function replaceMetadata(call: Call, deps: ComputeDeps): Promise<unknown> {
  return { metadata: await change(call, deps, () => bodyOf(call)) };
}

export async function updateItem(call: Call, deps: ComputeDeps): Promise<unknown> {
  const key = call.params['key'] ?? '';
  const { meta } = call.body as { readonly meta: Metadata };
  if (Object.keys(meta).length !== 1 || !Object.hasOwn(meta, key))
    throw new InvalidInput('Request body and URI mismatch: the body must have the one key of the address.');
  await change(call, deps, (before) => ({ ...before, ...meta }));
  return { meta };
}

export async function removeItem(call: Call, deps: ComputeDeps): Promise<Reply> {
  const key = call.params['key'] ?? '';
  await change(call, deps, (before) => {
    if (!Object.hasOwn(before, key)) throw new NotFound('Metadata item was not found', 'no-such-metadata');
    return Object.fromEntries(Object.entries(before).filter(([each]) => each !== key));
  });
  return new Reply(204);
}

/** What the image service refuses is refused here, in the statuses that compute had. */
async function inOldWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    if (error.kind === 'forbidden') throw new Forbidden(error.message);
    if (error.kind === 'not-found') throw absent();
    if (error.kind === 'bad-request') throw new InvalidInput(error.message);
    throw error;
  }
}
