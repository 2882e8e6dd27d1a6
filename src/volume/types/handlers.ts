// Lists, shows, creates, changes and removes volume types.
import { isoTime } from '#platform/context/clock.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { Call } from '#platform/http/api.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import { nextPageLink, pageOf, type Listing } from '#volume/listing.ts';
import { isTrue } from '#volume/schema-types.ts';
import type { VolumeTypeRow } from '#volume/tables.ts';
import { findProjectDefault } from '../default-types/store.ts';
import { TypeExists, TypeInUse, TypeNotFound } from './errors.ts';
import {
  findType,
  insertType,
  isTypeInUse,
  listTypes,
  moveTypeQuotas,
  removeType,
  updateType,
  type TypeViewer,
  type VolumeType,
} from './store.ts';
import { changedTypeView, detailedTypeView, typeView } from './view.ts';

export const viewerOf = (call: Call): TypeViewer => ({
  projectId: call.principal.projectId,
  all: call.allows('context_is_admin'),
});

/** The type that the path names. @throws TypeNotFound */
export async function getType(call: Call, { db }: Pick<VolumeDeps, 'db'>): Promise<VolumeType> {
  const id = call.params['id'] ?? '';
  const type = await findType(db.kysely, id, viewerOf(call));
  if (!type) throw new TypeNotFound(id);
  return type;
}

const SORTABLE: Listing<VolumeType>['sortable'] = {
  id: (row) => row.id,
  name: (row) => row.name,
  description: (row) => row.description,
  is_public: (row) => row.is_public,
  created_at: (row) => row.created_at,
  updated_at: (row) => row.updated_at,
};

export async function list(call: Call, { db, config }: VolumeDeps): Promise<unknown> {
  const specs = readSpecsFilter(call);
  const rows = await listTypes(db.kysely, viewerOf(call), readPublic(call.query.get('is_public')));
  const matching = rows.filter((row) =>
    Object.entries(specs).every(([key, value]) => row.extraSpecs[key] === value),
  );
  const page = pageOf(call.query, matching, {
    what: 'Volume type',
    sortable: SORTABLE,
    maxLimit: config.maxLimit,
  });
  return {
    volume_types: page.rows.map((row) => detailedTypeView(call, row)),
    ...nextPageLink(call, 'volume_type', page),
  };
}

function readPublic(text: string | null): boolean | null {
  if (text === null) return true;
  if (text.toLowerCase() === 'none') return null;
  if (/^(t|true|1|on|y|yes)$/i.test(text)) return true;
  if (/^(f|false|0|off|n|no)$/i.test(text)) return false;
  throw new InvalidInput(`Invalid is_public filter [${text.slice(0, 255)}]`);
}

/** `extra_specs={'key': 'value'}` from 3.52 on, quoted as Python or JSON quote it. */
function readSpecsFilter(call: Call): Record<string, string> {
  const text = call.query.get('extra_specs');
  if (text === null || !atLeast(call.microversion, '3.52')) return {};
  const quoted = String.raw`(?:'([^'\\]*)'|"([^"\\]*)")`;
  if (
    !new RegExp(String.raw`^\{\s*(?:u?${quoted}\s*:\s*u?${quoted}\s*(?:,\s*|(?=\})))*\}$`).test(
      text.slice(0, 4096),
    )
  )
    throw new InvalidInput(`Invalid extra_specs filter [${text.slice(0, 255)}]`);
  const pairs = text.matchAll(new RegExp(String.raw`${quoted}\s*:\s*u?${quoted}`, 'g'));
  return Object.fromEntries([...pairs].map(([, a, b, c, d]) => [a ?? b ?? '', c ?? d ?? '']));
}

export async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  return { volume_type: detailedTypeView(call, await getType(call, deps)) };
}

/** The type that a volume of the caller gets when it asks for none. */
export async function showDefault(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { db, config } = deps;
  const own = await findProjectDefault(db.kysely, call.principal.projectId ?? '');
  const viewer = { projectId: undefined, all: true };
  const type = own
    ? await findType(db.kysely, own, viewer)
    : await findType(db.kysely, config.defaultVolumeType, viewer, { byName: true });
  if (!type) throw new TypeNotFound('default');
  return { volume_type: detailedTypeView(call, type) };
}

interface CreateBody {
  readonly volume_type: {
    readonly name: string;
    readonly description?: string | null;
    readonly extra_specs?: Readonly<Record<string, string>> | null;
    readonly 'os-volume-type-access:is_public'?: unknown;
  };
}

export async function create(call: Call, { db, clock }: VolumeDeps): Promise<unknown> {
  const { volume_type: asked } = call.body as CreateBody;
  const row: VolumeTypeRow = {
    id: crypto.randomUUID(),
    name: asked.name.trim(),
    description: asked.description ?? null,
    is_public: isTrue(asked['os-volume-type-access:is_public'] ?? true) ? 1 : 0,
    qos_specs_id: null,
    created_at: isoTime(clock),
    updated_at: null,
  };
  const extraSpecs = asked.extra_specs ?? {};
  await db.transaction(async (trx) => insertType(trx, row, extraSpecs)).catch(refuseTaken(row.name));
  return { volume_type: typeView(call, { ...row, extraSpecs }) };
}

function refuseTaken(name: string): (error: unknown) => never {
  return (error) => {
    throw isUniqueViolation(error) ? new TypeExists(name) : error;
  };
}

export async function update(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { db, clock } = deps;
  const asked = (
    call.body as {
      volume_type: { name?: string | null; description?: string | null; is_public?: unknown };
    }
  ).volume_type;
  const type = await getType(call, deps);
  const name = asked.name?.trim();
  const isPublic = asked.is_public ?? undefined;
  if (asked.name !== undefined && asked.name !== null && name === '')
    throw new InvalidInput('Volume type name can not be empty.');
  if (name === undefined && (asked.description ?? undefined) === undefined && isPublic === undefined)
    throw new InvalidInput('Specify volume type name, description, is_public or a combination thereof.');
  const changes = {
    ...(name === undefined ? {} : { name }),
    ...(asked.description === undefined || asked.description === null
      ? {}
      : { description: asked.description }),
    ...(isPublic === undefined ? {} : { is_public: isTrue(isPublic) ? 1 : 0 }),
    updated_at: isoTime(clock),
  };
  await db
    .transaction(async (trx) => {
      await updateType(trx, type.id, changes);
      if (name !== undefined && name !== type.name) await moveTypeQuotas(trx, type.name, name);
    })
    .catch(refuseTaken(name ?? type.name));
  return { volume_type: changedTypeView(call, { ...type, ...changes }) };
}

export async function remove(call: Call, deps: VolumeDeps): Promise<void> {
  const { db, config } = deps;
  const type = await getType(call, deps);
  if (type.name === config.defaultVolumeType)
    throw new InvalidInput('The volume type is the default one of the service and cannot be deleted.');
  await db.transaction(async (trx) => {
    if (await isTypeInUse(trx, type.id)) throw new TypeInUse('delete it');
    await removeType(trx, type.id);
    await moveTypeQuotas(trx, type.name, null);
  });
}
