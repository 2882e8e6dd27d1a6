// Filters of server lists that are patterns, matched here because SQL can't: most attributes, as upstream's database has them.
import { InvalidInput } from '#compute/errors.ts';
import type { InstanceRow, Vif } from '#compute/tables.ts';
import { linearPattern } from './linear-pattern.ts';

type Options = ReadonlyMap<string, readonly string[]>;
type Column = keyof InstanceRow & string;

export interface Matching {
  readonly columns: readonly Column[];
  readonly test: (row: Partial<InstanceRow>) => boolean;
}

const text = (column: Column): readonly [Column, (row: Partial<InstanceRow>) => readonly string[]] => [
  column,
  (row) => (row[column] === null || row[column] === undefined ? [] : [String(row[column])]),
];

/** A time as tables of the field have it, and as answers show it. */
const time = (column: Column): readonly [Column, (row: Partial<InstanceRow>) => readonly string[]] => [
  column,
  (row) => {
    const [whole] = String(row[column] ?? '').split('.');
    return whole ? [whole.replace('T', ' '), `${whole}Z`] : [];
  },
];

const addresses = (version: 4 | 6): readonly [Column, (row: Partial<InstanceRow>) => readonly string[]] => [
  'vifs_json',
  ({ vifs_json }) =>
    (JSON.parse(vifs_json ?? '[]') as Vif[]).flatMap(({ fixed_ips }) =>
      fixed_ips.filter((ip) => ip.version === version).map(({ address }) => address),
    ),
];

/** By the filter's name: the column, and the texts of which one must match. */
const PATTERNS: Readonly<
  Record<string, readonly [Column, (row: Partial<InstanceRow>) => readonly string[]]>
> = {
  name: text('name'),
  display_name: text('name'),
  ip: addresses(4),
  ip6: addresses(6),
  hostname: text('hostname'),
  reservation_id: text('reservation_id'),
  node: text('node'),
  hypervisor_hostname: text('node'),
  key_name: text('key_name'),
  availability_zone: text('availability_zone'),
  description: text('description'),
  display_description: text('description'),
  kernel_id: text('kernel_id'),
  ramdisk_id: text('ramdisk_id'),
  root_device_name: text('root_device_name'),
  launch_index: text('launch_index'),
  locked_by: text('locked_by'),
  progress: text('progress'),
  power_state: text('power_state'),
  access_ip_v4: text('access_ip_v4'),
  access_ip_v6: text('access_ip_v6'),
  created_at: time('created_at'),
  launched_at: time('launched_at'),
  terminated_at: time('terminated_at'),
  auto_disk_config: ['disk_config', ({ disk_config }) => [disk_config === 'AUTO' ? '1' : '0']],
};

/** Of several values of one name the last counts. @throws InvalidInput for what is no pattern, the empty text too */
export function readPatterns(options: Options): Matching | undefined {
  const columns = new Set<Column>();
  const tests: Array<Matching['test']> = [];
  for (const [name, values] of options) {
    const known = Object.hasOwn(PATTERNS, name) ? PATTERNS[name] : undefined;
    if (!known) continue;
    const [column, textsOf] = known;
    const matches = linearPattern(name, values.at(-1) ?? '');
    columns.add(column);
    tests.push((row) => textsOf(row).some(matches));
  }
  if (tests.length === 0) return undefined;
  return { columns: [...columns], test: (row) => tests.every((test) => test(row)) };
}

/** Names that must say something when they are there, at any version and whoever asks. */
const NEVER_EMPTY: ReadonlySet<string> = new Set(
  [...Object.keys(PATTERNS), 'flavor', 'config_drive', 'changes-since'].filter(
    (name) => name !== 'launch_index' && name !== 'hypervisor_hostname',
  ),
);

/** @throws InvalidInput naming the first filter that is empty */
export function refuseEmptyFilters(query: URLSearchParams, more: readonly string[]): void {
  for (const [name, value] of query)
    if (value === '' && (NEVER_EMPTY.has(name) || more.includes(name)))
      throw new InvalidInput(`Invalid input for query parameters ${name}. It must not be empty.`);
}
