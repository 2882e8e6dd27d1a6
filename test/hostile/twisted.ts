// Wrong values for each position of a body's schema, and absurd texts for ids and queries.
import type { TSchema } from 'typebox';

/** JSON texts, since some of them no value of ours would be written as. */
const WRONG: Readonly<Record<string, string>> = {
  null: 'null',
  'an empty text': '""',
  'an empty list': '[]',
  'an empty object': '{}',
  'a nested list': '[[[[{"a":[]}]]]]',
  'a huge text': JSON.stringify('x'.repeat(70_000)),
  'a negative number': '-1',
  'a fraction': '0.5',
  'a number beyond all': '1e400',
  'an integer past 64 bits': '18446744073709551616',
  true: 'true',
  'half a surrogate pair': String.raw`"\ud800"`,
  'control characters': String.raw`"a\u0001\r\n\u001bb"`,
  'a NUL': String.raw`"a\u0000b"`,
  'a path': '"../../../../etc/passwd"',
  SQL: `"' OR '1'='1'; DROP TABLE users; --"`,
  'a prototype': '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}',
};

export interface Twist {
  readonly what: string;
  readonly text: string;
}

/** Ways to be wrong that each position gets; the next position gets the next ones, so that none is spared any for long. */
const WAYS = 5;

/** The next `count` of `all` from turn to turn. */
export function inTurns<T>(all: readonly T[], count: number): () => readonly T[] {
  let next = 0;
  return () => Array.from({ length: Math.min(count, all.length) }, () => all[next++ % all.length] as T);
}

const ways = inTurns(Object.entries(WRONG), WAYS);

/** `body` with each position of `schema` wrong in some ways, and with fields that nobody knows. */
export function* twists(schema: TSchema, body: unknown): Generator<Twist> {
  for (const path of positions(schema, body)) {
    for (const [kind, value] of ways())
      yield { what: `${kind} at ${path.join('.')}`, text: withAt(body, path, value) };
    yield {
      what: `an unknown field beside ${path.join('.')}`,
      text: withAt(body, [...path.slice(0, -1), 'zzz'], '1'),
    };
    yield {
      what: `__proto__ beside ${path.join('.')}`,
      text: withAt(body, [...path.slice(0, -1), '__proto__'], '{"admin":true}'),
    };
  }
}

export type Path = ReadonlyArray<string | number>;

/** Paths below the body, of what the schema names or the body holds. */
function positions(schema: TSchema, body: unknown): Path[] {
  const found = new Map<string, Path>();
  const walk = (at: Readonly<Record<string, unknown>> | undefined, value: unknown, path: Path): void => {
    if (path.length > 0) found.set(path.join('\0'), path);
    if (path.length > 6) return;
    for (const each of (at?.['anyOf'] ?? at?.['allOf'] ?? []) as TSchema[])
      walk(each as unknown as Record<string, unknown>, value, path);
    const properties = (at?.['properties'] ?? {}) as Record<string, Record<string, unknown>>;
    const held = typeof value === 'object' && value !== null ? value : {};
    if (at?.['items'] !== undefined || Array.isArray(value))
      walk(at?.['items'] as Record<string, unknown> | undefined, (held as unknown[])[0], [...path, 0]);
    const keys = Array.isArray(value) ? [] : Object.keys(held);
    for (const key of new Set([...Object.keys(properties), ...keys]))
      walk(properties[key], (held as Record<string, unknown>)[key], [...path, key]);
  };
  walk(schema as unknown as Record<string, unknown>, body, []);
  return [...found.values()];
}

const MARK = '"@@twisted@@"';

/** JSON of a copy of `body` with the JSON text `json` at `path`; what is not there on the way is made. */
export function withAt(body: unknown, path: Path, json: string): string {
  const copy = structuredClone(body) as Record<string | number, unknown>;
  let at = copy;
  for (const [index, key] of path.slice(0, -1).entries()) {
    const next = at[key];
    if (typeof next !== 'object' || next === null) at[key] = typeof path[index + 1] === 'number' ? [] : {};
    at = at[key] as Record<string | number, unknown>;
  }
  Object.defineProperty(at, path.at(-1) ?? '', {
    value: MARK.slice(1, -1),
    enumerable: true,
    configurable: true,
    writable: true,
  });
  return JSON.stringify(copy).replace(MARK, () => json);
}

/** As they stand in a path, already encoded; none names anything. */
export const ABSURD_IDS: Readonly<Record<string, string>> = {
  'a path upwards': '..%2F..%2F..%2Fetc%2Fpasswd',
  'a NUL': '%00',
  'a text with a NUL': 'a%00b',
  'a broken escape': '%E0%A4%A',
  'half a character': '%ff%fe',
  'a thousand characters': 'x'.repeat(1000),
  'ten thousand characters': 'x'.repeat(10_000),
  unicode: encodeURIComponent('名前💥'),
  'SQL quotes': encodeURIComponent("'; DROP TABLE servers; --"),
  'a wildcard': '%25',
  'a newline': 'a%0d%0aX-Evil:%20yes',
  'a prototype': '__proto__',
  'a method of all objects': 'constructor',
  nothing: '99999999-aaaa-4bbb-8ccc-dddddddddddd',
  'a negative number': '-1',
  'a number past 64 bits': '18446744073709551616',
};

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Queries that no list may fail on. MARKER stands for the id of something that is listed. */
export const ABSURD_QUERIES: readonly string[] = [
  'limit=-1',
  'limit=0',
  'limit=abc',
  'limit=1e400',
  'limit=99999999999999999999',
  'limit=1&limit=2',
  'marker=nothing',
  'marker=%00',
  'marker=..%2F..%2Fetc%2Fpasswd',
  "marker='%20OR%201=1",
  'sort_key=;drop%20table',
  'sort_key=__proto__',
  'sort_key=password',
  'sort_dir=sideways',
  'sort=name:sideways,,:',
  'name=(((((a%2B)%2B)%2B)%2B)%2B)$',
  'name=%25%25%25_',
  `name=${'a'.repeat(7000)}`,
  'name=~(',
  'name=in:%22',
  '__proto__=1',
  'constructor=1',
  'fields=__proto__',
  'fields=',
  'all_tenants=maybe',
  'changes-since=yesterday',
  'changes-since=%00',
  'created_at=gt:never',
  `tags=${numbers(3000).join()}`,
  numbers(1500)
    .map((n) => `tag=${n}`)
    .join('&'),
  numbers(1500)
    .map((n) => `k${n}=1`)
    .join('&'),
  numbers(2000)
    .map((n) => `id=${n}`)
    .join('&'),
  `sort=${'name,'.repeat(3000)}name`,
  `${'sort_key=name&'.repeat(1000)}limit=1&marker=MARKER`,
  `sort=${'name:asc,'.repeat(1500)}id&limit=1&marker=MARKER`,
  'marker=MARKER&sort_key=created_at&sort_dir=asc',
  'id=1&id=2&id=3',
  '%',
  '%ff=%fe',
  '=',
  '&&&',
  'is_public=none&minDisk=x&minRam=-1',
  'resources=VCPU:1e400',
  'resources=VCPU:-1&required=!!',
  'member_of=in:&in_tree=x',
  'user_id[]=1&project_id[$ne]=1',
  'ip=(a%2B)%2B$&ip6=[',
  'flavor=x&image=x&host=x&status=x',
  'visibility=x&size_min=-1&member_status=x&protected=x',
  'scope.project.id=%00&include_names',
  'start=never&end=ever&detailed=9',
];
