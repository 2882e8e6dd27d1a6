// Comparison of northbound values: what we want of a row against what it holds. Pure.
import { isOwnKey } from './model.ts';

type Map_ = Readonly<Record<string, string>>;

function isMap(value: unknown): value is Map_ {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Sets in any order, maps in any order, `undefined` as absent. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return JSON.stringify([...(value as unknown[])].map(String).sort());
  if (isMap(value)) return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify(value ?? null);
}

/** The text of a row's content in the columns that `like` names: equal texts, equal rows. */
export function contentKey(row: object, like: object): string {
  const values = row as Readonly<Record<string, unknown>>;
  return Object.keys(like)
    .sort()
    .map((column) => `${column}=${canonical(values[column])}`)
    .join('\n');
}

/** `external_ids` as they should be: ours as wanted, those of others as they are. */
export function mergeIds(actual: Map_, desired: Map_): Map_ {
  const others = Object.entries(actual).filter(([key]) => !isOwnKey(key) && !(key in desired));
  return { ...Object.fromEntries(others), ...desired };
}

/** The columns that must be written for `actual` to be as `desired` says. */
export function changedColumns(actual: object, desired: object): Record<string, unknown> {
  const have = actual as Readonly<Record<string, unknown>>;
  const changed: Record<string, unknown> = {};
  for (const [column, wish] of Object.entries(desired)) {
    const value =
      column === 'external_ids' ? mergeIds((have[column] ?? {}) as Map_, wish as Map_) : (wish as unknown);
    if (!sameValue(have[column], value)) changed[column] = value;
  }
  return changed;
}
