// GET /volumes, /volumes/detail, /volumes/summary: from the query to the filters, and the page.
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, VolumeNotFound } from '#volume/errors.ts';
import {
  nextLinks,
  readBoolean,
  readLike,
  readPage,
  refuseUnknownFilters,
  wantsAllProjects,
  wantsCount,
} from '#volume/paging.ts';
import { readTimeFilter } from '#volume/times.ts';
import { listMetadataOf, listVolumeRows, SORTABLE, sumVolumeRows, type VolumeFilters } from './list-store.ts';
import { wholeVolumes, type WholeVolume } from './store.ts';
import { briefView, detailView } from './view.ts';

/** Names that every caller may filter by, beside those of the listing itself. */
const FILTERS = new Set([
  'name',
  'name~',
  'status',
  'metadata',
  'glance_metadata',
  'bootable',
  'migration_status',
  'availability_zone',
  'group_id',
  'size',
  'created_at',
  'updated_at',
  'display_name',
  'consumes_quota',
]);
/** Columns that administrators filter by as well. */
const ADMIN_COLUMNS = new Set(['id', 'host', 'user_id', 'volume_type_id', 'snapshot_id', 'source_volid']);

export async function listBrief(call: Call, deps: VolumeDeps): Promise<unknown> {
  return list(call, deps, briefView);
}

export async function listDetail(call: Call, deps: VolumeDeps): Promise<unknown> {
  return list(call, deps, detailView);
}

async function list(
  call: Call,
  { db, config }: VolumeDeps,
  view: (call: Call, whole: WholeVolume) => unknown,
): Promise<unknown> {
  const filters = readFilters(call);
  const page = readPage(call.query, SORTABLE, config.maxLimit);
  const rows = filters && page.limit > 0 ? await listVolumeRows(db.kysely, filters, page) : [];
  if (!rows) throw new VolumeNotFound(page.marker ?? '');
  const volumes = await wholeVolumes(db.kysely, rows);
  return {
    volumes: volumes.map((whole) => view(call, whole)),
    ...nextLinks(call, 'volumes', page, rows),
    ...(wantsCount(call) ? { count: filters ? (await sumVolumeRows(db.kysely, filters)).count : 0 } : {}),
  };
}

export async function summary(call: Call, { db }: VolumeDeps): Promise<unknown> {
  const filters = readFilters(call);
  const sums = filters ? await sumVolumeRows(db.kysely, filters) : { count: 0, size: 0 };
  const entries =
    filters && atLeast(call.microversion, '3.36') ? await listMetadataOf(db.kysely, filters) : [];
  const metadata: Record<string, string[]> = {};
  for (const { key, value } of entries) (metadata[key] ??= []).push(value);
  return {
    'volume-summary': {
      total_size: sums.size,
      total_count: sums.count,
      ...(atLeast(call.microversion, '3.36') ? { metadata } : {}),
    },
  };
}

/** Undefined when nothing can fit. @throws InvalidInput */
function readFilters(call: Call): VolumeFilters | undefined {
  const { query, microversion } = call;
  const isAdmin = call.allows('volume:get_all_projects', {});
  refuseUnknownFilters(call, FILTERS, isAdmin);
  const wanted = wantsAllProjects(call, 'volume:get_all_projects')
    ? (query.get('project_id') ?? undefined)
    : own(call);
  const equal: Record<string, string | number> = {};
  const name = query.get('name') ?? query.get('display_name');
  if (name !== null) equal['name'] = name;
  for (const plain of ['migration_status', 'availability_zone'])
    if (query.has(plain)) equal[plain] = query.get(plain) ?? '';
  if (isAdmin) for (const each of ADMIN_COLUMNS) if (query.has(each)) equal[each] = query.get(each) ?? '';
  const size = query.get('size');
  if (size !== null) {
    if (!/^\d{1,9}$/.test(size)) return undefined;
    equal['size'] = Number(size);
  }
  if (query.has('bootable')) equal['bootable'] = readBootable(call, query.get('bootable') ?? '') ? 1 : 0;
  if (
    atLeast(microversion, '3.65') &&
    query.has('consumes_quota') &&
    !readBoolean('consumes_quota', query.get('consumes_quota') ?? '')
  )
    return undefined; // all do
  return {
    projectId: wanted,
    equal,
    groupId: atLeast(microversion, '3.10') ? (query.get('group_id') ?? undefined) : undefined,
    statuses: query.get('status')?.split(','),
    nameLike: readLike(call, 'name'),
    metadata: readMap(query, 'metadata'),
    imageMetadata: atLeast(microversion, '3.4') ? readMap(query, 'glance_metadata') : {},
    times: atLeast(microversion, '3.60')
      ? (['created_at', 'updated_at'] as const).flatMap((column) =>
          query
            .getAll(column)
            .flatMap((text) => readTimeFilter(column, text).map((each) => ({ column, ...each }))),
        )
      : [],
  };
}

/** Before 3.2 everything but two spellings of false is true. */
function readBootable(call: Call, text: string): boolean {
  return atLeast(call.microversion, '3.2')
    ? readBoolean('bootable', text)
    : text !== 'false' && text !== 'False';
}

/** A token without a project sees none. */
const own = (call: Call): string => call.principal.projectId ?? '';

/** `{"k": "v"}`, also as Python writes it: `{'k': 'v'}`. @throws InvalidInput */
export function readMap(query: URLSearchParams, name: string): Record<string, string> {
  const text = query.get(name);
  if (text === null || text === '') return {};
  for (const candidate of [
    text,
    text.replaceAll(/(?<!\w)u?'([^']*)'/g, (_, inner: string) => JSON.stringify(inner)),
  ]) {
    try {
      const parsed = JSON.parse(candidate) as unknown;
      if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
        return Object.fromEntries(Object.entries(parsed).map(([key, value]) => [key, String(value)]));
    } catch {
      // the other form, or none
    }
  }
  throw new InvalidInput(`${name} must be a map like {"key": "value"}, and is ${text.slice(0, 255)}.`);
}
