// JSON Schema validation for request bodies: TypeBox schemas compiled once, the first problem named.
import { Compile, type Validator } from 'typebox/compile';
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { within, type Microversion } from '#platform/microversion/microversion.ts';
import type { SchemaProblem, VersionedSchema } from './api.ts';

const compiled = new WeakMap<object, Validator>();

/** The first thing wrong with `value`, or undefined. */
export function findProblem(schema: TSchema, value: unknown): SchemaProblem | undefined {
  const validator = validatorOf(schema);
  if (validator.Check(value)) return undefined;
  const errors = validator.Errors(value);
  const error =
    errors.find((each) => each.keyword === 'additionalProperties') ??
    errors.find(
      (each) => each.keyword !== 'anyOf' && each.keyword !== 'oneOf' && each.keyword !== 'boolean',
    ) ??
    errors[0];
  const path = error?.instancePath ?? '';
  return { path, value: valueAt(value, path), message: describe(error) };
}

/** A copy of `value` without the properties that `schema` does not know. */
export function cleaned(schema: TSchema, value: unknown): unknown {
  return Value.Clean(schema, structuredClone(value));
}

/** The schema for `version` among a route's schemas: the last whose `since` is not above it. */
export function schemaFor(
  body: TSchema | readonly VersionedSchema[],
  version: Microversion,
): TSchema | undefined {
  if (!Array.isArray(body)) return body as TSchema;
  return (body as readonly VersionedSchema[]).findLast((each) => within(version, each.since, undefined))
    ?.schema;
}

function validatorOf(schema: TSchema): Validator {
  const known = compiled.get(schema);
  if (known) return known;
  const validator = Compile(schema) as unknown as Validator;
  compiled.set(schema, validator);
  return validator;
}

function describe(error: { keyword: string; message: string; params: unknown } | undefined): string {
  if (!error) return 'is invalid';
  const params = error.params as { requiredProperties?: string[]; additionalProperties?: string[] };
  if (error.keyword === 'required') return `'${params.requiredProperties?.[0]}' is a required property`;
  if (error.keyword === 'additionalProperties') {
    return `Additional properties are not allowed ('${params.additionalProperties?.[0]}' was unexpected)`;
  }
  return error.message;
}

function valueAt(root: unknown, path: string): unknown {
  let at = root;
  for (const key of path.split('/').slice(1)) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Record<string, unknown>)[key.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return at;
}
