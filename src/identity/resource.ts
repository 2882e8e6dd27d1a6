// Small pieces that the handlers of every identity resource use: schema parts, free attributes, the order of 403 and 404.
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import type { Target } from '#platform/policy/enforcer.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import { isPossibleText } from './directory/directory.ts';
import { Conflict, Invalid, NotFound } from './errors.ts';

const NO_NUL = '^[^\\u0000]*$';

/** A name: up to 255 characters, one of them no space. */
export const Name = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$',
});
/** Of domains and projects, which are shorter than those of users, groups and roles. */
export const ShortName = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: '^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$',
});
export const Id = Type.String({ minLength: 1, maxLength: 255, pattern: NO_NUL });
export const Text = Type.String({ maxLength: 65_535, pattern: NO_NUL });
export const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(
  schema: T,
): ReturnType<typeof Type.Union<[T, ReturnType<typeof Type.Null>]>> => Type.Union([schema, Type.Null()]);
export const Options = Type.Object({ immutable: Type.Optional(Nullable(Type.Boolean())) });

const OWN = new Set(['id', 'links']);

/** The attributes of a body beyond `known`: kept as they are and shown again, as upstream does. */
export function extraOf(body: object, known: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([key]) => !OWN.has(key) && !known.includes(key)));
}

/** `extra` of a row with the changes of a body laid over it, as the column keeps it. */
export function mergedExtra(row: { extra: string }, body: object, known: readonly string[]): string {
  return JSON.stringify({ ...parseObject(row.extra), ...extraOf(body, known) });
}

export function parseObject(text: string): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>;
}

/** Options with changes laid over them; null takes one away. */
export function mergedOptions(row: { options: string }, changes: object): string {
  const merged = { ...parseObject(row.options), ...changes };
  return JSON.stringify(Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null)));
}

/** @throws PolicyDenied first, whether the row is there or not; then NotFound. */
export function authorized<T>(
  call: Call,
  rule: string,
  found: { what: string; id: string; row: T | undefined },
  target: (row: T) => Target,
): T {
  call.enforce(rule, found.row === undefined ? {} : target(found.row));
  if (found.row === undefined) throw new NotFound(found.what, found.id);
  return found.row;
}

/** `read(id)`, or undefined for ids that no row can have. */
export async function lookUp<T>(
  id: string,
  read: (id: string) => Promise<T | undefined>,
): Promise<T | undefined> {
  return isPossibleText(id) ? read(id) : undefined;
}

/** @throws Conflict when a unique index refuses what `write` writes */
export async function unlessTaken<T>(what: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new Conflict(what, 'Duplicate entry found with that name or id');
  }
}

/** A domain-scoped caller sees its own domain; others what they ask for. */
export function domainOfList(call: Call): string | undefined {
  return call.query.get('domain_id')?.replaceAll('\u0000', '\uFFFD') ?? call.principal.domainId;
}

/** Where a new resource lies when its body does not say. */
export function domainOfCaller(call: Call): string {
  const { domainId, projectDomainId } = call.principal;
  return domainId ?? projectDomainId ?? 'default';
}

/** @throws Invalid when a body tries to change what may not change */
export function refuseChange(body: object, row: object, fields: readonly string[]): void {
  for (const field of fields) {
    const wanted = (body as Record<string, unknown>)[field];
    const has = (row as Record<string, unknown>)[field];
    if (wanted !== undefined && wanted !== has) throw new Invalid(`Cannot change ${field}.`);
  }
}

export function flag(value: boolean | undefined, otherwise: boolean): number {
  return (value ?? otherwise) ? 1 : 0;
}

/** `changes` without what is undefined: only what a body names is written. */
export function defined<T extends object>(changes: { [K in keyof T]?: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as Partial<T>;
}
