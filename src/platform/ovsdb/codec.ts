// Values of columns: from wire notation to what rows hold, and from what writes accept to wire notation.
import { OvsdbError } from './errors.ts';
import { type AnyColumn, type Atom, isComposite, type NamedUuid } from './model.ts';

type AnyAtom = Atom<unknown, unknown>;
export type Scalar = string | number | boolean;
export type Value = Scalar | null | readonly Scalar[] | Readonly<Record<string, Scalar>>;

export const ZERO_UUID = '00000000-0000-0000-0000-000000000000';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const UUID_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** What a column holds when a row does not say. */
export function defaultOf(column: AnyColumn): Value {
  if (column.value) return Object.freeze({});
  if (isComposite(column)) return Object.freeze(column.min === 0 ? [] : [defaultAtom(column.key)]);
  return column.min === 0 ? null : defaultAtom(column.key);
}

export function defaultAtom(atom: AnyAtom): Scalar {
  switch (atom.type) {
    case 'string':
      return '';
    case 'boolean':
      return false;
    case 'uuid':
      return ZERO_UUID;
    case 'integer':
    case 'real':
      return 0;
  }
}

/** Reads wire notation. Throws 'protocol error' on what does not fit the column. */
export function decode(column: AnyColumn, wire: unknown): Value {
  if (column.value) return freezeMap(decodePairs(column, wire));
  const elements = decodeElements(column, wire);
  if (isComposite(column)) return freezeSet(elements);
  const [first = null] = elements;
  if (elements.length > 1 || (first === null && column.min === 1)) throw misfit(column, wire);
  return first;
}

/** Applies a difference, as `update2` and `update3` send it, to the value before it. */
export function applyDiff(column: AnyColumn, old: Value, wire: unknown): Value {
  if (!isComposite(column)) return decode(column, wire);
  if (column.value) {
    const next = new Map(Object.entries(old as Record<string, Scalar>));
    for (const [key, value] of decodePairs(column, wire)) {
      if (next.get(key) === value) next.delete(key);
      else next.set(key, value);
    }
    return freezeMap(next);
  }
  const next = new Set(old as readonly Scalar[]);
  for (const element of decodeElements(column, wire)) {
    if (!next.delete(element)) next.add(element);
  }
  return freezeSet([...next]);
}

/** Writes wire notation. Throws 'invalid value' on what the column cannot hold. */
export function encode(column: AnyColumn, value: unknown): unknown {
  if (column.value) return encodeMap(column.key, column.value, value);
  if (Array.isArray(value) || value instanceof Set) {
    return ['set', [...(value as Iterable<unknown>)].map((element) => encodeAtom(column.key, element))];
  }
  if (value === null) return ['set', []];
  return encodeAtom(column.key, value);
}

/** As encode, for the keys that a mutation deletes from a map. */
export function encodeKeys(column: AnyColumn, keys: Iterable<unknown>): unknown {
  return ['set', [...keys].map((key) => encodeAtom(column.key, key))];
}

export function encodeAtom(atom: AnyAtom, value: unknown): unknown {
  switch (atom.type) {
    case 'uuid':
      return encodeUuid(value);
    case 'boolean':
      if (typeof value === 'boolean') return value;
      break;
    case 'integer':
      if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
      break;
    case 'real':
      if (typeof value === 'number' && Number.isFinite(value)) return value;
      break;
    case 'string':
      // The server refuses NUL in strings with a parse error that would end the connection.
      if (typeof value === 'string' && !value.includes('\0')) return value.toWellFormed();
      break;
  }
  throw invalid(`${inspect(value)} is no ${atom.type}`);
}

export function compareScalars(a: Scalar, b: Scalar): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Equality of two values of one column. */
export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a)) {
    return (
      Array.isArray(b) && a.length === b.length && a.every((element, i) => element === (b as unknown[])[i])
    );
  }
  const left = Object.entries(a);
  const right = b as Record<string, Scalar>;
  return left.length === Object.keys(right).length && left.every(([key, value]) => right[key] === value);
}

function encodeUuid(value: unknown): unknown {
  if (typeof value === 'string') {
    if (UUID.test(value)) return ['uuid', value.toLowerCase()];
  } else if (value !== null && typeof value === 'object' && 'named' in value) {
    const { named } = value as NamedUuid;
    if (UUID_NAME.test(named)) return ['named-uuid', named];
  }
  throw invalid(`${inspect(value)} is no uuid`);
}

function encodeMap(keyAtom: AnyAtom, valueAtom: AnyAtom, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw invalid(`${inspect(value)} is no map`);
  const pairs = Object.entries(value).flatMap(([key, element]): unknown[] => {
    if (element === undefined) return [];
    const typedKey = keyAtom.type === 'string' || keyAtom.type === 'uuid' ? key : Number(key);
    return [[encodeAtom(keyAtom, typedKey), encodeAtom(valueAtom, element)]];
  });
  return ['map', pairs];
}

function decodeElements(column: AnyColumn, wire: unknown): Scalar[] {
  const list = Array.isArray(wire) && wire[0] === 'set' ? (wire[1] as unknown[]) : [wire];
  return list.map((element) => decodeAtom(column, column.key, element));
}

function decodePairs(column: AnyColumn, wire: unknown): Map<string, Scalar> {
  if (!Array.isArray(wire) || wire[0] !== 'map') throw misfit(column, wire);
  const pairs = new Map<string, Scalar>();
  for (const [key, value] of wire[1] as [unknown, unknown][]) {
    pairs.set(String(decodeAtom(column, column.key, key)), decodeAtom(column, column.value!, value));
  }
  return pairs;
}

function decodeAtom(column: AnyColumn, atom: AnyAtom, wire: unknown): Scalar {
  if (atom.type === 'uuid') {
    if (Array.isArray(wire) && wire[0] === 'uuid' && typeof wire[1] === 'string') return wire[1];
  } else if (typeof wire === 'string' || typeof wire === 'number' || typeof wire === 'boolean') {
    const expected = atom.type === 'integer' || atom.type === 'real' ? 'number' : atom.type;
    if (typeof wire === expected) return wire;
  }
  throw misfit(column, wire);
}

function freezeSet(elements: Scalar[]): readonly Scalar[] {
  return Object.freeze(elements.sort(compareScalars));
}

/** Object.fromEntries defines own properties only, so that a key such as __proto__ is a key like any other. */
function freezeMap(pairs: Map<string, Scalar>): Readonly<Record<string, Scalar>> {
  return Object.freeze(Object.fromEntries(pairs));
}

function misfit(column: AnyColumn, wire: unknown): OvsdbError {
  return new OvsdbError('protocol error', {
    details: `${inspect(wire)} does not fit a column of ${column.key.type}`,
  });
}

function invalid(details: string): OvsdbError {
  return new OvsdbError('invalid value', { details });
}

function inspect(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 80);
}
