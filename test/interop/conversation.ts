// What a conversation between the unmodified client and a cloud is: data, read by people and run by converse.ts.

/** A part of an answer: of objects the named members, of arrays some elements, of text a pattern or the whole. */
export type Shape =
  | string
  | number
  | boolean
  | null
  | RegExp
  | ((value: unknown) => boolean)
  | readonly Shape[]
  | { readonly [member: string]: Shape };

export interface Step {
  /** The command line without `openstack`, words quoted as in a shell; `{name}` stands for what an earlier step kept. */
  readonly run: string;
  /** Who says it; default the area's. */
  readonly as?: string;
  /** In a process of its own, so that its exit code counts as well. */
  readonly alone?: true;
  /** Only where a guest really runs, or only where it does not; default both. */
  readonly on?: 'real programs' | 'models';
  /** It must fail, and the client must say this. Absent: it must succeed and say nothing on standard error. */
  readonly fails?: RegExp;
  /** What it says on standard error although it succeeds. */
  readonly warns?: RegExp;
  /** The JSON answer. `list`, `show` and `issue` are run in the default format too, and its table must say the same. */
  readonly has?: Shape;
  /** Rows that the JSON list must have, in any order. */
  readonly rows?: readonly Shape[];
  /** Rows that the JSON list must not have. */
  readonly lacks?: readonly Shape[];
  /** How many rows the JSON list has. */
  readonly count?: number;
  /** The answer in the default format (or what `-f` in the command says). */
  readonly text?: RegExp;
  /** Values for later steps: name → path in the JSON answer (`id`, `0.ID`, `addresses.private.0`). */
  readonly keep?: Readonly<Record<string, string>>;
  /** Said again until the answer is right, for this many milliseconds. */
  readonly withinMs?: number;
}

export interface Person {
  /** Of an entry of clouds.yaml, beside the address; `{name}` as in steps. Absent: as demo or as admin. */
  readonly auth?: Readonly<Record<string, string>>;
  readonly like?: 'demo' | 'admin';
  readonly authType?: string;
  /** Environment variables that the client takes options from. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Area {
  readonly name: string;
  /** Who speaks where a step does not say. */
  readonly as: string;
  /** Beside `demo` and `admin`. */
  readonly people?: Readonly<Record<string, Person>>;
  /** Written to `{dir}/<name>` before the first step. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly steps: readonly Step[];
}

/** @returns undefined when `value` has `shape`, else where and how it differs */
export function mismatch(value: unknown, shape: Shape, at = 'answer'): string | undefined {
  const shown = `${at} is ${JSON.stringify(value)}`;
  if (typeof shape === 'function') return shape(value) ? undefined : `${shown}, which is not as wished`;
  if (shape instanceof RegExp)
    return shape.test(textOf(value)) ? undefined : `${shown}, not ${String(shape)}`;
  if (isList(shape)) return mismatchOfList(value, shape, at);
  if (typeof shape === 'object' && shape !== null) {
    if (typeof value !== 'object' || value === null) return `${shown}, not an object`;
    for (const [member, wished] of Object.entries(shape)) {
      const found = mismatch((value as Record<string, unknown>)[member], wished, `${at}.${member}`);
      if (found) return found;
    }
    return undefined;
  }
  return value === shape ? undefined : `${shown}, not ${JSON.stringify(shape)}`;
}

function mismatchOfList(value: unknown, shape: readonly Shape[], at: string): string | undefined {
  if (!Array.isArray(value)) return `${at} is ${JSON.stringify(value)}, not a list`;
  const missing = shape.find((wished) => !value.some((each) => mismatch(each, wished) === undefined));
  return missing === undefined
    ? undefined
    : `${at} lacks ${describeShape(missing)}: ${JSON.stringify(value).slice(0, 2_000)}`;
}

export function describeShape(shape: Shape): string {
  return JSON.stringify(shape, (_, each: unknown) =>
    each instanceof RegExp || typeof each === 'function' ? String(each) : each,
  );
}

const isList = (shape: Shape): shape is readonly Shape[] => Array.isArray(shape);

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '');

/** The words of a command line: split at spaces that are not in single or double quotes. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) =>
    word.replaceAll(/"([^"]*)"|'([^']*)'/g, (_, double?: string, single?: string) => double ?? single ?? ''),
  );
}
