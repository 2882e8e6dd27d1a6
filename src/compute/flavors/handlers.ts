// Lists, shows, creates, changes and removes flavors.
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput } from '#compute/errors.ts';
import { nextLink, readLimit } from '#compute/paging.ts';
import { isTrue } from '#compute/schema-types.ts';
import { PAGING, refuseUnknownQuery } from '#compute/strict-query.ts';
import type { FlavorRow } from './tables.ts';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import { FlavorExists, FlavorNotFound } from './errors.ts';
import {
  findFlavor,
  findTaken,
  insertFlavor,
  listFlavors,
  removeFlavor,
  updateFlavor,
  type FlavorFilter,
  type FlavorSortColumn,
  type Viewer,
} from './store.ts';
import { briefFlavor, flavorView } from './view.ts';

export const viewerOf = (call: Call): Viewer => ({
  projectId: call.principal.projectId,
  all: call.allows('context_is_admin'),
});

/** @throws FlavorNotFound */
export async function getFlavor(call: Call, { db }: Pick<ComputeDeps, 'db'>): Promise<FlavorRow> {
  const id = call.params['id'] ?? '';
  const flavor = await findFlavor(db.kysely, id, viewerOf(call));
  if (!flavor) throw new FlavorNotFound(id);
  return flavor;
}

export async function listBrief(call: Call, deps: ComputeDeps): Promise<unknown> {
  const page = await pageOf(call, deps);
  const links = nextLink(
    call,
    '/v2.1/flavors',
    'flavors',
    page.map((row) => row.flavor_id),
    deps.config.maxLimit,
  );
  return { flavors: page.map((row) => briefFlavor(call, row)), ...links };
}

export async function listDetail(call: Call, deps: ComputeDeps): Promise<unknown> {
  const page = await pageOf(call, deps);
  const links = nextLink(
    call,
    '/v2.1/flavors/detail',
    'flavors',
    page.map((row) => row.flavor_id),
    deps.config.maxLimit,
  );
  return { flavors: page.map((row) => flavorView(call, row)), ...links };
}

const LIST_QUERY = ['is_public', 'minRam', 'minDisk', 'sort_key', 'sort_dir', ...PAGING];

async function pageOf(call: Call, { db, config }: ComputeDeps): Promise<FlavorRow[]> {
  refuseUnknownQuery(call, '2.75', LIST_QUERY);
  const limit = readLimit(call.query, config.maxLimit);
  const viewer = viewerOf(call);
  const rows = await listFlavors(db.kysely, readFilter(call.query, viewer.all), viewer);
  const marker = call.query.get('marker');
  const start = marker === null ? 0 : rows.findIndex((row) => row.flavor_id === marker) + 1;
  if (marker !== null && start === 0)
    throw new InvalidInput(`marker [${marker.slice(0, 255)}] not found`, 'marker-not-found');
  return rows.slice(start, start + limit);
}

const SORT_COLUMNS: Readonly<Record<string, FlavorSortColumn>> = {
  flavorid: 'flavor_id',
  id: 'id',
  name: 'name',
  memory_mb: 'ram',
  vcpus: 'vcpus',
  root_gb: 'disk',
  ephemeral_gb: 'ephemeral',
  swap: 'swap',
  rxtx_factor: 'rxtx_factor',
  is_public: 'is_public',
  disabled: 'disabled',
  description: 'description',
  created_at: 'created_at',
  updated_at: 'created_at',
};

function readFilter(query: URLSearchParams, seesAll: boolean): FlavorFilter {
  const last = (name: string): string | null => query.getAll(name).at(-1) ?? null;
  const key = query.get('sort_key') ?? 'flavorid';
  const sortKey = Object.hasOwn(SORT_COLUMNS, key) ? SORT_COLUMNS[key] : undefined;
  if (!sortKey)
    throw new InvalidInput(
      `Invalid input for query parameters sort_key. Value: ${key}. It must be one of ${Object.keys(SORT_COLUMNS).join(', ')}.`,
    );
  const direction = query.get('sort_dir') ?? 'asc';
  if (direction !== 'asc' && direction !== 'desc')
    throw new InvalidInput(
      `Invalid input for query parameters sort_dir. Value: ${direction}. It must be asc or desc.`,
    );
  return {
    isPublic: seesAll ? readPublic(last('is_public')) : true, // others see no private ones but theirs, whatever they ask
    minRam: readMinimum(last('minRam'), 'minRam'),
    minDisk: readMinimum(last('minDisk'), 'minDisk'),
    sortKey,
    descending: direction === 'desc',
  };
}

function readPublic(text: string | null): boolean | null {
  if (text === null) return true;
  if (text.toLowerCase() === 'none') return null;
  if (/^(t|true|1|on|y|yes)$/i.test(text)) return true;
  if (/^(f|false|0|off|n|no)$/i.test(text)) return false;
  throw new InvalidInput(`Invalid is_public filter [${text.slice(0, 255)}]`);
}

function readMinimum(text: string | null, name: string): number {
  if (text === null) return 0;
  if (!/^-?\d{1,9}$/.test(text)) throw new InvalidInput(`Invalid ${name} filter [${text.slice(0, 255)}]`);
  return Number(text);
}

export async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  return { flavor: flavorView(call, await getFlavor(call, deps)) };
}

interface CreateBody {
  readonly flavor: Readonly<Record<string, string | number | boolean | null>> & { readonly name: string };
}

export async function create(call: Call, { db, clock }: ComputeDeps): Promise<unknown> {
  const { flavor } = call.body as CreateBody;
  const id = flavor['id'] ?? 'auto';
  const row: Omit<FlavorRow, 'id'> = {
    flavor_id: id === 'auto' ? crypto.randomUUID() : String(id),
    name: flavor.name,
    description: (flavor['description'] ?? null) as string | null,
    vcpus: Number(flavor['vcpus']),
    ram: Number(flavor['ram']),
    disk: Number(flavor['disk']),
    ephemeral: Number(flavor['OS-FLV-EXT-DATA:ephemeral'] ?? 0),
    swap: Number(flavor['swap'] ?? 0),
    rxtx_factor: Number(flavor['rxtx_factor'] ?? 1),
    is_public: isTrue(flavor['os-flavor-access:is_public'] ?? true) ? 1 : 0,
    disabled: 0,
    extra_specs_json: '{}',
    created_at: isoTime(clock),
  };
  if (row.rxtx_factor <= 0)
    throw new InvalidInput('Invalid input for field/attribute rxtx_factor. It must be above 0.');
  try {
    return { flavor: flavorView(call, await db.transaction(async (trx) => insertFlavor(trx, row))) };
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const taken = await findTaken(db.kysely, row.flavor_id, row.name);
    throw new FlavorExists(taken ?? 'name', taken === 'ID' ? row.flavor_id : row.name);
  }
}

export async function update(call: Call, deps: ComputeDeps): Promise<unknown> {
  const row = await getFlavor(call, deps);
  const { description } = (call.body as { flavor: { description: string | null } }).flavor;
  await updateFlavor(deps.db.kysely, row.flavor_id, { description });
  return { flavor: flavorView(call, { ...row, description }) };
}

export async function remove(call: Call, { db }: ComputeDeps): Promise<Reply> {
  const id = call.params['id'] ?? '';
  const removed = await db.transaction(async (trx) => removeFlavor(trx, id));
  if (!removed) throw new FlavorNotFound(id);
  return new Reply(202);
}
