// Values of columns as the memory server holds them: every datum is a map from element to value, or to true where the
// column is no map. Parsing, constraints, comparison, mutation and differences. Used by the files of this folder.
import { defaultAtom, type Scalar, ZERO_UUID } from '../codec.ts';
import { OvsdbError } from '../errors.ts';
import type { AnyColumn, Atom } from '../model.ts';

export type Datum = ReadonlyMap<Scalar, Scalar>;
type AnyAtom = Atom<unknown, unknown>;

/** Turns the name of a row to be inserted into its uuid. */
export type ResolveName = (name: string) => string;

export function defaultDatum(column: AnyColumn): Datum {
  if (column.min === 0) return new Map();
  return new Map([[defaultAtom(column.key), column.value ? defaultAtom(column.value) : true]]);
}

/** The default for a new row. Throws 'constraint violation' if the column's constraints forbid it, so that it must be given. */
export function soundDefault(column: AnyColumn): Datum {
  const datum = defaultDatum(column);
  for (const element of datum.keys()) checkAtom(column.key, element);
  return datum;
}

/** Throws 'syntax error' on what is not of the column's type, 'constraint violation' on what its constraints forbid. */
export function parseDatum(column: AnyColumn, wire: unknown, resolve: ResolveName): Datum {
  const datum = parseLoosely(column, wire, resolve);
  checkSize(column, datum);
  return datum;
}

/** As parseDatum, without the bounds on the number of elements: for conditions and mutations. */
export function parseLoosely(column: AnyColumn, wire: unknown, resolve: ResolveName): Datum {
  const { key, value } = column;
  if (value) {
    if (!isTagged(wire, 'map')) throw syntax('expected a map');
    const pairs = wire[1] as readonly unknown[];
    return new Map(
      pairs.map((pair) => {
        if (!Array.isArray(pair) || pair.length !== 2) throw syntax('expected a pair');
        return [parseAtom(key, pair[0], resolve), parseAtom(value, pair[1], resolve)];
      }),
    );
  }
  const elements = isTagged(wire, 'set') ? (wire[1] as readonly unknown[]) : [wire];
  return new Map(elements.map((element) => [parseAtom(key, element, resolve), true]));
}

export function checkSize(column: AnyColumn, datum: Datum): void {
  if (datum.size < column.min || datum.size > column.max) {
    throw violation(`${datum.size} values where ${column.min} to ${column.max} are allowed`);
  }
}

export function writeDatum(column: AnyColumn, datum: Datum): unknown {
  if (column.value) {
    return [
      'map',
      [...datum].map(([key, value]) => [writeAtom(column.key, key), writeAtom(column.value!, value)]),
    ];
  }
  const elements = [...datum.keys()].map((key) => writeAtom(column.key, key));
  return elements.length === 1 ? elements[0] : ['set', elements];
}

export function sameDatum(a: Datum, b: Datum): boolean {
  if (a === b) return true;
  return a.size === b.size && a.entries().every(([key, value]) => b.get(key) === value);
}

/** What update2 and update3 send for a change of a set or map. */
export function diffDatum(column: AnyColumn, old: Datum, next: Datum): Datum {
  if (column.max === 1) return next;
  const diff = new Map<Scalar, Scalar>();
  for (const [key, value] of old) if (!next.has(key)) diff.set(key, value);
  for (const [key, value] of next) if (old.get(key) !== value) diff.set(key, value);
  return diff;
}

/** One condition of a `where`. Throws 'syntax error' on a comparison that the type does not know. */
export function compareDatum(column: AnyColumn, held: Datum, comparison: string, given: Datum): boolean {
  const has = ([key, value]: [Scalar, Scalar]): boolean => held.get(key) === value;
  switch (comparison) {
    case '==':
      return sameDatum(held, given);
    case '!=':
      return !sameDatum(held, given);
    case 'includes':
      return given.entries().every(has);
    case 'excludes':
      return !given.entries().some(has);
  }
  const [left] = held.keys();
  const [right] = given.keys();
  if (!isNumeric(column.key) || column.value || column.max > 1 || typeof right !== 'number') {
    throw syntax(`comparison ${comparison} on a column of this type`);
  }
  // An optional number that is absent compares as false.
  if (typeof left !== 'number') return false;
  switch (comparison) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    default:
      throw syntax(`no comparison is called ${comparison}`);
  }
}

/** One mutation. Throws 'domain error', 'range error', 'syntax error' or 'constraint violation'. */
export function mutateDatum(
  column: AnyColumn,
  held: Datum,
  mutator: string,
  wire: unknown,
  resolve: ResolveName,
): Datum {
  const next = new Map(held);
  if (mutator === 'insert') {
    // Keys that are there keep their value.
    for (const [key, value] of parseLoosely(column, wire, resolve)) if (!next.has(key)) next.set(key, value);
  } else if (mutator === 'delete') {
    const keysOnly = column.value !== undefined && !isTagged(wire, 'map');
    const { value: _, ...keyColumn } = column;
    const given = parseLoosely(keysOnly ? keyColumn : column, wire, resolve);
    for (const [key, value] of given) if (keysOnly || next.get(key) === value) next.delete(key);
  } else {
    if (!isNumeric(column.key) || column.value) throw syntax(`mutator ${mutator} on a column of this type`);
    if (typeof wire !== 'number') throw syntax('expected a number');
    const results = [...held.keys()].map((element) =>
      calculate(column.key, element as number, mutator, wire),
    );
    const changed: Datum = new Map(results.map((element) => [element, true]));
    checkSize(column, changed);
    return changed;
  }
  checkSize(column, next);
  return next;
}

function calculate(atom: AnyAtom, element: number, mutator: string, operand: number): number {
  if ((mutator === '/=' || mutator === '%=') && operand === 0) {
    throw new OvsdbError('domain error', { details: 'Division by zero.' });
  }
  const result = arithmetic(atom, element, mutator, operand);
  if (atom.type === 'integer' && !Number.isSafeInteger(result)) {
    throw new OvsdbError('range error', { details: 'Result of mutation is out of range.' });
  }
  checkAtom(atom, result);
  return result;
}

function arithmetic(atom: AnyAtom, element: number, mutator: string, operand: number): number {
  switch (mutator) {
    case '+=':
      return element + operand;
    case '-=':
      return element - operand;
    case '*=':
      return element * operand;
    case '/=':
      return atom.type === 'integer' ? Math.trunc(element / operand) : element / operand;
    case '%=':
      if (atom.type === 'integer') return element % operand;
  }
  throw syntax(`no mutator is called ${mutator}`);
}

function parseAtom(atom: AnyAtom, wire: unknown, resolve: ResolveName): Scalar {
  const value = readAtom(atom, wire, resolve);
  checkAtom(atom, value);
  return value;
}

function readAtom(atom: AnyAtom, wire: unknown, resolve: ResolveName): Scalar {
  switch (atom.type) {
    case 'uuid':
      if (isTagged(wire, 'uuid') && typeof wire[1] === 'string' && wire[1].length === ZERO_UUID.length)
        return wire[1];
      if (isTagged(wire, 'named-uuid') && typeof wire[1] === 'string') return resolve(wire[1]);
      break;
    case 'string':
      if (typeof wire === 'string') return wire;
      break;
    case 'boolean':
      if (typeof wire === 'boolean') return wire;
      break;
    case 'integer':
      if (Number.isInteger(wire)) return wire as number;
      break;
    case 'real':
      if (typeof wire === 'number') return wire;
      break;
  }
  throw syntax(`expected ${atom.type}`);
}

function checkAtom(atom: AnyAtom, value: Scalar): void {
  const { enum: values, minInteger = -Infinity, maxInteger = Infinity, maxLength = Infinity } = atom;
  if (values && !values.includes(value)) throw violation(`${String(value)} is not one of the allowed values`);
  if (typeof value === 'number' && (value < minInteger || value > maxInteger)) {
    throw violation(`${value} is not in the range ${minInteger} to ${maxInteger}`);
  }
  if (typeof value === 'string' && value.length > maxLength) {
    throw violation(`"${value}" is longer than ${maxLength} characters`);
  }
}

function writeAtom(atom: AnyAtom, value: Scalar): unknown {
  return atom.type === 'uuid' ? ['uuid', value] : value;
}

function isTagged(wire: unknown, tag: string): wire is [string, unknown] {
  return (
    Array.isArray(wire) &&
    wire.length === 2 &&
    wire[0] === tag &&
    (tag.includes('uuid') || Array.isArray(wire[1]))
  );
}

function isNumeric(atom: AnyAtom): boolean {
  return atom.type === 'integer' || atom.type === 'real';
}

export function syntax(details: string): OvsdbError {
  return new OvsdbError('syntax error', { details });
}

export function violation(details: string): OvsdbError {
  return new OvsdbError('constraint violation', { details });
}
