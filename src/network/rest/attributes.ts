// Building blocks of body schemas, and how lenient values are read. Clients send booleans and numbers as text, too.
import { Type, type TObject, type TSchema } from 'typebox';
import { invalidInput } from '../errors.ts';
import type { Input } from './deps.ts';

export const Bool = Type.Union([
  Type.Boolean(),
  Type.Literal(0),
  Type.Literal(1),
  Type.String({ pattern: '^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|0|1)$' }),
]);

export const Int = Type.Union([
  Type.Integer({ minimum: -2_147_483_648, maximum: 4_294_967_295 }),
  Type.String({ pattern: '^-?[0-9]{1,10}$' }),
]);

/** Text that every database takes (no NUL). */
export function Text(maxLength = 255): TSchema {
  return Type.String({ maxLength, pattern: '^[^\\u0000]*$' });
}

export const Uuid = Type.String({
  pattern: '^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$',
});
export const Name = Text(255);
export const Description = Text(255);
export const Project = Text(255);
export const IpText = Type.String({ maxLength: 64 });
export const Texts = Type.Array(Text(255), { maxItems: 1000 });

export function nullable(schema: TSchema): TSchema {
  return Type.Union([schema, Type.Null()]);
}

export type Attributes = Readonly<Record<string, TSchema>>;

function optional(attributes: Attributes, required: readonly string[]): TObject {
  return Type.Object(
    Object.fromEntries(
      Object.entries(attributes).map(([name, schema]) => [
        name,
        required.includes(name) ? schema : Type.Optional(schema),
      ]),
    ),
    { additionalProperties: false },
  );
}

/** `{ network: {…} }` or, for many at once, `{ networks: [{…}, …] }`. */
export function createBody(
  name: string,
  plural: string,
  attributes: Attributes,
  required: readonly string[] = [],
): TSchema {
  const one = optional({ ...attributes, tenant_id: Project, project_id: Project }, required);
  return Type.Object(
    { [name]: Type.Optional(one), [plural]: Type.Optional(Type.Array(one, { minItems: 1, maxItems: 1000 })) },
    { additionalProperties: false, minProperties: 1, maxProperties: 1 },
  );
}

export function updateBody(name: string, attributes: Attributes): TSchema {
  return Type.Object({ [name]: optional(attributes, []) }, { additionalProperties: false });
}

export function has(input: Input, name: string): boolean {
  return input[name] !== undefined;
}

export function readBool(input: Input, name: string, otherwise: boolean): boolean {
  const value = input[name];
  if (value === undefined || value === null) return otherwise;
  return value === true || value === 1 || /^(true|1)$/i.test(String(value));
}

/** 0/1, as tables keep it. */
export function readFlag(input: Input, name: string, otherwise: boolean): number {
  return readBool(input, name, otherwise) ? 1 : 0;
}

export function readInt(input: Input, name: string): number | undefined {
  const value = input[name];
  return value === undefined || value === null ? undefined : Number(value);
}

export function readText(input: Input, name: string, otherwise = ''): string {
  const value = input[name];
  return typeof value === 'string' ? value : otherwise;
}

export function readTextOrNull(input: Input, name: string): string | null {
  const value = input[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

/** The id in `name`. @throws NetworkError 400 without one. */
export function readId(input: Input, name: string): string {
  const value = input[name];
  if (typeof value !== 'string' || value === '') throw invalidInput(`${name} is required`);
  return value;
}

/** The columns that a body names, as texts. */
export function pickTexts(input: Input, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.filter((name) => has(input, name)).map((name) => [name, readText(input, name)]),
  );
}

/** The columns that a body names, as 0/1. */
export function pickFlags(input: Input, names: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    names.filter((name) => has(input, name)).map((name) => [name, readFlag(input, name, false)]),
  );
}
