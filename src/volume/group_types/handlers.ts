// Lists, shows, creates, changes and removes group types.
import { isoTime } from '#platform/context/clock.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Call } from '#platform/http/api.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, ResourceNotFound } from '#volume/errors.ts';
import { nextPageLink, pageOf, type Listing } from '#volume/listing.ts';
import { readBoolean } from '#volume/paging.ts';
import { isTrue } from '#volume/schema-types.ts';
import type { GroupTypeRow } from '#volume/tables.ts';
import {
  findGroupType,
  insertGroupType,
  isGroupTypeInUse,
  listGroupTypes,
  removeGroupType,
  updateGroupType,
  type GroupType,
} from './store.ts';

const seesAll = (call: Call): boolean => call.allows('context_is_admin');

function view(call: Call, type: GroupType): Record<string, unknown> {
  return {
    id: type.id,
    name: type.name,
    description: type.description,
    is_public: type.is_public === 1,
    ...(call.allows('group:access_group_types_specs') ? { group_specs: type.specs } : {}),
  };
}

/** The one that the path names; private ones are there for administrators alone. @throws ResourceNotFound */
export async function getGroupType(call: Call, { db }: Pick<VolumeDeps, 'db'>): Promise<GroupType> {
  const id = call.params['id'] ?? '';
  const type = await findGroupType(db.kysely, id);
  if (!type || (type.is_public === 0 && !seesAll(call))) throw new ResourceNotFound('Group type', id);
  return type;
}

const SORTABLE: Listing<GroupType>['sortable'] = {
  id: (row) => row.id,
  name: (row) => row.name,
  description: (row) => row.description,
  is_public: (row) => row.is_public,
  created_at: (row) => row.created_at,
  updated_at: (row) => row.updated_at,
};

export async function list(call: Call, { db, config }: VolumeDeps): Promise<unknown> {
  const rows = await listGroupTypes(db.kysely, seesAll(call) ? readPublic(call) : true);
  const page = pageOf(call.query, rows, {
    what: 'Group type',
    sortable: SORTABLE,
    maxLimit: config.maxLimit,
  });
  return {
    group_types: page.rows.map((row) => view(call, row)),
    ...nextPageLink(call, 'group_type', page),
  };
}

function readPublic({ query }: Call): boolean | null {
  const text = query.get('is_public');
  if (text === null) return true;
  return text.toLowerCase() === 'none' ? null : readBoolean('is_public', text);
}

export async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  return { group_type: view(call, await getGroupType(call, deps)) };
}

/** No group type is made by itself, and none is the default. */
export async function showDefault(): Promise<never> {
  throw new ResourceNotFound('Group type', 'default');
}

interface CreateBody {
  readonly group_type: {
    readonly name: string;
    readonly description?: string | null;
    readonly is_public?: unknown;
    readonly group_specs?: Readonly<Record<string, string>> | null;
  };
}

export async function create(call: Call, { db, clock }: VolumeDeps): Promise<unknown> {
  const { group_type: asked } = call.body as CreateBody;
  const specs = asked.group_specs ?? {};
  const row: GroupTypeRow = {
    id: crypto.randomUUID(),
    name: asked.name.trim(),
    description: asked.description ?? null,
    is_public: isTrue(asked.is_public ?? true) ? 1 : 0,
    created_at: isoTime(clock),
    updated_at: null,
  };
  await db.transaction(async (trx) => insertGroupType(trx, row, specs)).catch(refuseTaken(row.name));
  return { group_type: view(call, { ...row, specs }) };
}

function refuseTaken(name: string): (error: unknown) => never {
  return (error) => {
    throw isUniqueViolation(error)
      ? new DomainError('conflict', 'group-type-exists', `Group Type ${name} already exists.`)
      : error;
  };
}

interface UpdateBody {
  readonly group_type: {
    readonly name?: string | null;
    readonly description?: string | null;
    readonly is_public?: unknown;
  };
}

export async function update(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { name, description, is_public } = (call.body as UpdateBody).group_type;
  const type = await getGroupType(call, deps);
  if ([name, description, is_public].every((each) => each === undefined || each === null))
    throw new InvalidInput('Specify group type name, description, is_public or a combination thereof.');
  const changes: Partial<GroupTypeRow> = {
    ...(typeof name === 'string' ? { name: name.trim() } : {}),
    ...(typeof description === 'string' ? { description } : {}),
    ...(is_public === undefined || is_public === null ? {} : { is_public: isTrue(is_public) ? 1 : 0 }),
    updated_at: isoTime(deps.clock),
  };
  await updateGroupType(deps.db.kysely, type.id, changes).catch(refuseTaken(name ?? type.name));
  return { group_type: view(call, { ...type, ...changes }) };
}

export async function remove(call: Call, deps: VolumeDeps): Promise<void> {
  const { id } = await getGroupType(call, deps);
  await deps.db.transaction(async (trx) => {
    if (await isGroupTypeInUse(trx, id))
      throw new InvalidInput(`Group type ${id} still has groups: it can't be deleted.`, 'group-type-in-use');
    await removeGroupType(trx, id);
  });
}
