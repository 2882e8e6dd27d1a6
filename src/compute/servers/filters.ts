// From the query of a server list to what is asked of the database: filters, order, paging, each caller's rights.
import type { Call } from '#platform/http/api.ts';
import { isAdmin } from '#platform/auth/principal.ts';
import { atLeast, type VersionText } from '#platform/microversion/microversion.ts';
import { Forbidden, InvalidInput } from '#compute/errors.ts';
import { isTrue } from '#compute/schema-types.ts';
import type { InstanceRow } from '#compute/tables.ts';
import { refuseUnknownQuery } from '#compute/strict-query.ts';
import type { ServerQuery, SortKey } from './list-store.ts';
import { readPatterns, refuseEmptyFilters } from './patterns.ts';
import { statesOfStatus, type StatePattern } from './states.ts';
import { readLimit } from '#compute/paging.ts';

const TENANT_FILTERS: ReadonlyArray<readonly [name: string, since?: VersionText]> = [
  ['reservation_id'], ['name'], ['status'], ['image'], ['flavor'], ['ip'], ['changes-since'], ['all_tenants'],
  ['ip6', '2.5'], ['changes-before', '2.66'], ['locked', '2.73'],
  ['tags', '2.26'], ['tags-any', '2.26'], ['not-tags', '2.26'], ['not-tags-any', '2.26'],
  ['availability_zone', '2.83'], ['config_drive', '2.83'], ['key_name', '2.83'], ['created_at', '2.83'],
  ['launched_at', '2.83'], ['terminated_at', '2.83'], ['power_state', '2.83'], ['task_state', '2.83'],
  ['vm_state', '2.83'], ['progress', '2.83'], ['user_id', '2.83'],
  ['hostname', '2.90'],
]; // prettier-ignore

const ADMIN_ONLY_SINCE: Readonly<Record<string, VersionText>> = {
  'changes-before': '2.66', locked: '2.73', tags: '2.26', 'tags-any': '2.26', 'not-tags': '2.26', 'not-tags-any': '2.26',
}; // prettier-ignore

/** Filters that compare a column, by their names in the query. The others are patterns. */
const EXACT: Readonly<Record<string, keyof InstanceRow & string>> = {
  image: 'image_id', image_ref: 'image_id', flavor: 'flavor_id', host: 'host', compute_host: 'host', uuid: 'id',
  user_id: 'user_id', task_state: 'task_state', vm_state: 'vm_state',
}; // prettier-ignore

const SORTABLE: Readonly<Record<string, keyof InstanceRow & string>> = {
  ...EXACT,
  hypervisor_hostname: 'node', node: 'node', hostname: 'hostname', key_name: 'key_name', root_device_name: 'root_device_name',
  availability_zone: 'availability_zone', created_at: 'created_at', launched_at: 'launched_at', terminated_at: 'terminated_at',
  description: 'description', display_description: 'description', kernel_id: 'kernel_id', ramdisk_id: 'ramdisk_id',
  launch_index: 'launch_index', locked_by: 'locked_by', progress: 'progress', power_state: 'power_state',
  access_ip_v4: 'access_ip_v4', access_ip_v6: 'access_ip_v6', auto_disk_config: 'disk_config', reservation_id: 'reservation_id',
  uuid: 'id', name: 'name', display_name: 'name', project_id: 'project_id', tenant_id: 'project_id',
  updated_at: 'updated_at', config_drive: 'config_drive', instance_type_id: 'flavor_id', locked: 'locked', created: 'created_at',
}; // prettier-ignore

/** Sort keys that were never good for anything: passed over, and from 2.75 on refused. */
const USELESS_SORT_KEYS: ReadonlySet<string> = new Set(
  (
    'architecture cell_name cleaned default_ephemeral_device default_swap_device deleted deleted_at disable_terminate ' +
    'ephemeral_gb ephemeral_key_uuid id key_data launched_on memory_mb os_type reservation_id root_gb shutdown_terminate ' +
    'user_data vcpus vm_mode'
  ).split(' '),
);

const DATE = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/;

/** @returns undefined when no server can match, so that nothing need be asked. */
export function readServerQuery(
  call: Call,
  rule: 'index' | 'detail',
  maxLimit: number,
): ServerQuery | undefined {
  refuseUnknownQuery(call, '2.75', KNOWN);
  refuseEmptyFilters(call.query, sinceVersions(call));
  const options = allowedOptions(call);
  const statuses = readStatuses(options);
  if (statuses?.length === 0) {
    if (atLeast(call.microversion, '2.38')) throw new InvalidInput('Invalid status value', 'no-such-status');
    return undefined;
  }
  const limit = readLimit(call.query, maxLimit);
  if (limit === 0) return undefined;
  const since = readDate(options, 'changes-since');
  const before = readDate(options, 'changes-before');
  if (since !== undefined && before !== undefined && since > before)
    throw new InvalidInput('The value of changes-since must be less than or equal to changes-before.');
  return {
    equal: [...scopeOf(call, options, rule), ...deletedOf(call, options), ...equalities(options)],
    states: statuses,
    withSoftDeleted: asksForSoftDeleted(options),
    changesSince: since,
    changesBefore: before,
    allTags: tagsOf(options, 'tags'),
    anyTag: tagsOf(options, 'tags-any'),
    notAllTags: tagsOf(options, 'not-tags'),
    notAnyTag: tagsOf(options, 'not-tags-any'),
    matches: readPatterns(options),
    sort: readSort(call),
    limit,
    marker: call.query.get('marker') || undefined,
    withUserData: rule === 'detail' && atLeast(call.microversion, '2.3'),
  };
}

/** All names that a list of servers takes from 2.75 on. Before, a misspelt filter was passed over, and the list was of everything. */
const KNOWN: ReadonlySet<string> = new Set(
  (
    'access_ip_v4 access_ip_v6 all_tenants auto_disk_config availability_zone changes-before changes-since config_drive ' +
    'created_at deleted description display_description display_name flavor host hostname image image_ref ip ip6 ' +
    'kernel_id key_name launch_index launched_at limit locked locked_by marker name node not-tags not-tags-any ' +
    'power_state progress project_id ramdisk_id reservation_id root_device_name soft_deleted sort_dir ' +
    'sort_key status tags tags-any task_state tenant_id terminated_at user_id uuid vm_state'
  ).split(' '),
);

/** Filters that must not be empty from the version on that knows them. */
function sinceVersions({ microversion }: Call): string[] {
  const from = (version: VersionText, ...names: string[]): string[] =>
    atLeast(microversion, version) ? names : [];
  return [
    ...from('2.26', 'tags', 'tags-any', 'not-tags', 'not-tags-any'),
    ...from('2.38', 'status'),
    ...from('2.66', 'changes-before'),
  ];
}

type Options = ReadonlyMap<string, readonly string[]>;

/** Options that the caller may use; others are passed over in silence, as upstream does. */
function allowedOptions(call: Call): Options {
  const options = new Map<string, readonly string[]>();
  const everything = call.allows('os_compute_api:servers:allow_all_filters');
  const tenant = new Map<string, VersionText | undefined>(
    TENANT_FILTERS.map(([name, since]) => [name, since]),
  );
  for (const name of new Set(call.query.keys())) {
    const since = everything
      ? Object.hasOwn(ADMIN_ONLY_SINCE, name)
        ? ADMIN_ONLY_SINCE[name]
        : undefined
      : tenant.get(name);
    if (!everything && !tenant.has(name)) continue;
    if (since === undefined || atLeast(call.microversion, since)) options.set(name, call.query.getAll(name));
  }
  return options;
}

function scopeOf(call: Call, options: Options, rule: 'index' | 'detail'): ServerQuery['equal'] {
  const all = options.get('all_tenants')?.at(-1);
  if (all === undefined || !readBoolean('all_tenants', all === '' ? '1' : all)) {
    return [['project_id', [call.principal.projectId ?? null]]];
  }
  call.enforce(`os_compute_api:servers:${rule}:get_all_tenants`);
  const projects = options.get('project_id') ?? options.get('tenant_id');
  return projects ? [['project_id', projects]] : [];
}

function deletedOf(call: Call, options: Options): ServerQuery['equal'] {
  const asked = options.get('deleted')?.at(-1) ?? options.get('soft_deleted')?.at(-1);
  const deletedStatus =
    options.get('status')?.some((status) => status.toUpperCase() === 'DELETED') ||
    options.get('vm_state')?.includes('deleted');
  if (deletedStatus) {
    if (!call.allows('os_compute_api:servers:allow_all_filters'))
      throw new Forbidden('Only administrators may list deleted instances');
    return [['deleted', [1]]];
  }
  if (asked !== undefined && asked !== '') return [['deleted', [isTrue(asked) ? 1 : 0]]]; // what is no boolean is false
  return options.has('changes-since') || options.has('changes-before') ? [] : [['deleted', [0]]];
}

/** They are left out otherwise, as if they were gone. */
const asksForSoftDeleted = (options: Options): boolean =>
  isTrue(options.get('soft_deleted')?.at(-1) ?? '') ||
  (options.get('status')?.some((status) => status.toUpperCase() === 'SOFT_DELETED') ?? false) ||
  (options.get('vm_state')?.includes('soft-delete') ?? false);

function equalities(options: Options): ServerQuery['equal'] {
  const equal: Array<ServerQuery['equal'][number]> = [];
  for (const [name, values] of options) {
    const column = Object.hasOwn(EXACT, name) ? EXACT[name] : undefined;
    if (!column) continue;
    if (column === 'flavor_id' || column === 'image_id')
      equal.push([column, values.map((value) => value.slice(value.lastIndexOf('/') + 1))]);
    else equal.push([column, values]);
  }
  const locked = options.get('locked')?.at(-1);
  if (locked !== undefined) equal.push(['locked', [readBoolean('locked', locked) ? 1 : 0]]);
  const drive = options.get('config_drive')?.at(-1);
  if (drive !== undefined) equal.push(['config_drive', [asBoolean(drive) ?? NEITHER]]);
  return equal;
}

function readStatuses(options: Options): StatePattern[] | undefined {
  const statuses = options.get('status')?.filter((status) => status !== '');
  return statuses && statuses.length > 0 ? statuses.flatMap(statesOfStatus) : undefined;
}

function readSort(call: Call): SortKey[] {
  const ignored = (key: string): boolean =>
    key === 'locked'
      ? !atLeast(call.microversion, '2.73')
      : USELESS_SORT_KEYS.has(key) && !atLeast(call.microversion, '2.75');
  const asked = call.query.getAll('sort_key');
  const keys = asked.filter((key) => !ignored(key));
  const directions = call.query.getAll('sort_dir');
  const wrong = directions.find((direction) => direction !== 'asc' && direction !== 'desc');
  if (wrong !== undefined)
    throw new InvalidInput(
      `Invalid input for query parameters sort_dir. Value: ${wrong}. It must be asc or desc.`,
    );
  if (directions.length > Math.max(1, asked.length))
    throw new InvalidInput('There are more directions to sort in than keys to sort by.');
  const sort = keys.map((key, index): SortKey => {
    const column = USELESS_SORT_KEYS.has(key) || !Object.hasOwn(SORTABLE, key) ? undefined : SORTABLE[key];
    if (!column)
      throw new InvalidInput(
        `Invalid input for query parameters sort_key. Value: ${key}. Servers can't be sorted by it.`,
      );
    if ((key === 'host' || key === 'node') && !isAdmin(call.principal))
      throw new Forbidden('Only administrators can sort servers by host or node.');
    return { column, direction: (directions[index] ?? directions[0] ?? 'desc') as 'asc' | 'desc' };
  });
  if (sort.length === 0)
    sort.push({ column: 'created_at', direction: (directions[0] ?? 'desc') as 'asc' | 'desc' });
  if (!sort.some(({ column }) => column === 'id'))
    sort.push({ column: 'id', direction: sort.at(-1)?.direction ?? 'desc' });
  return sort.filter((key, index) => sort.findIndex((each) => each.column === key.column) === index);
}

function readDate(options: Options, name: string): string | undefined {
  return parseTime(name, options.get(name)?.at(-1));
}

/** A time in the query as ISO 8601 in UTC; without a zone it is taken as UTC. @throws InvalidInput */
export function readTime(query: URLSearchParams, name: string): string | undefined {
  return parseTime(name, query.get(name) ?? undefined);
}

function parseTime(name: string, given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const text = given.replace(/ (?=\d\d:?\d\d$)/, '+'); // a plus sign that was not escaped
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(text) || !text.includes(':') ? text : `${text}Z`;
  const time = DATE.test(text) ? Date.parse(zoned.replace(' ', 'T')) : Number.NaN;
  if (Number.isNaN(time))
    throw new InvalidInput(`Invalid filter field: ${name}. It must be an ISO 8601 time.`);
  return new Date(time).toISOString();
}

/** No server carries more; each costs the database a subquery. */
const MAX_TAGS = 50;

function tagsOf(options: Options, name: string): string[] {
  const tags = new Set((options.get(name) ?? []).flatMap((value) => value.split(',')));
  tags.delete('');
  if (tags.size > MAX_TAGS)
    throw new InvalidInput(`Invalid filter field: ${name}. It may name ${MAX_TAGS} tags at most.`);
  return [...tags];
}

/** No value of a flag. */
const NEITHER = -1;

function asBoolean(text: string): 0 | 1 | undefined {
  const value = text.toLowerCase();
  if (['1', 't', 'true', 'on', 'y', 'yes'].includes(value)) return 1;
  return ['0', 'f', 'false', 'off', 'n', 'no'].includes(value) ? 0 : undefined;
}

function readBoolean(name: string, text: string): boolean {
  const value = asBoolean(text);
  if (value !== undefined) return value === 1;
  throw new InvalidInput(`Invalid input for query parameters ${name}. Value: ${text}. It is no boolean.`);
}
