// Applies an image patch to an image's attributes. Pure. Format: RFC 6902 restricted to add, replace and remove,
// and the older form in which the operation is the key: `{"replace": "/name", "value": "x"}`.
import { Conflict, Forbidden, Invalid } from '../errors.ts';
import { checkAttribute, isBase, type Attributes } from './attributes.ts';

export const PATCH_TYPES = {
  current: 'application/openstack-images-v2.1-json-patch',
  older: 'application/openstack-images-v2.0-json-patch',
} as const;

export interface Change {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: readonly [name: string, index?: string];
  readonly value: unknown;
}

/** What a patch changes: base attributes and properties. */
export interface Patchable {
  readonly attributes: Attributes;
  readonly properties: Readonly<Record<string, string | null>>;
}

const OPS: ReadonlySet<unknown> = new Set(['add', 'replace', 'remove']);
const MAX_CHANGES = 1000;

/** @throws Invalid */
export function parsePatch(body: unknown, older: boolean): Change[] {
  if (!Array.isArray(body)) throw new Invalid('Request body must be a JSON array of operation objects.');
  if (body.length > MAX_CHANGES) throw new Invalid(`A patch has at most ${MAX_CHANGES} operations.`);
  return body.map((each: unknown) => {
    if (typeof each !== 'object' || each === null) throw new Invalid('Operations must be JSON objects.');
    const change = each as Readonly<Record<string, unknown>>;
    const { op, path } = older ? olderForm(change) : change;
    if (!OPS.has(op)) throw new Invalid("Operations must be 'add', 'replace' or 'remove'.");
    if (op !== 'remove' && !Object.hasOwn(change, 'value')) {
      throw new Invalid(`Operation "${String(op)}" requires a member named "value".`);
    }
    return { op: op as Change['op'], path: parsePath(path), value: change['value'] };
  });
}

function olderForm(change: Readonly<Record<string, unknown>>): { op: unknown; path: unknown } {
  const found = Object.keys(change).filter((key) => OPS.has(key));
  if (found.length !== 1)
    throw new Invalid('Operation objects must contain exactly one of add, replace and remove.');
  const op = found[0]!; // one was found
  return { op, path: change[op] };
}

function parsePath(path: unknown): Change['path'] {
  if (typeof path !== 'string' || !path.startsWith('/') || /~(?![01])/.test(path)) {
    throw new Invalid(`Invalid JSON pointer for this resource: '${String(path).slice(0, 300)}'`);
  }
  const [name = '', index, more] = path
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (name === '' || more !== undefined || (index !== undefined && name !== 'tags')) {
    throw new Invalid(`Invalid JSON pointer for this resource: '${path.slice(0, 300)}'`);
  }
  return index === undefined ? [name] : [name, index];
}

/** @throws Invalid, Forbidden for attributes that cannot be set or removed, Conflict for a path that is not there */
export function applyPatch(before: Patchable, changes: readonly Change[]): Patchable {
  return changes.reduce(applyChange, before);
}

function applyChange(at: Patchable, { op, path: [name, index], value }: Change): Patchable {
  if (name === 'id') throw new Forbidden("Attribute 'id' is read-only.", 'read-only');
  if (index !== undefined) return withTags(at, changedTags(at.attributes.tags, op, index, value));
  if (op === 'remove') return removed(at, name);
  checkAttribute(name, value);
  if (isBase(name)) return { ...at, attributes: { ...at.attributes, [name]: value } };
  if (op === 'replace' && !Object.hasOwn(at.properties, name)) throw missing(name);
  return { ...at, properties: { ...at.properties, [name]: value as string } };
}

function removed(at: Patchable, name: string): Patchable {
  if (name === 'tags') return withTags(at, []);
  if (isBase(name)) throw new Forbidden(`Property ${name} may not be removed.`, 'base-attribute');
  if (!Object.hasOwn(at.properties, name)) {
    checkAttribute(name, ''); // says so when it is one that callers may not touch
    throw missing(name);
  }
  const { [name]: _, ...properties } = at.properties;
  return { ...at, properties };
}

function missing(name: string): Conflict {
  return new Conflict(`Property ${name} does not exist.`, 'no-such-property');
}

function withTags(at: Patchable, tags: readonly string[]): Patchable {
  checkAttribute('tags', tags);
  return { ...at, attributes: { ...at.attributes, tags } };
}

/** Tags by index, as generic differs of JSON documents write them. */
function changedTags(tags: readonly string[], op: Change['op'], index: string, value: unknown): string[] {
  const end = op === 'add' ? tags.length : tags.length - 1;
  const at =
    index === '-' && op === 'add' ? tags.length : /^(0|[1-9]\d{0,5})$/.test(index) ? Number(index) : -1;
  if (at < 0 || at > end) throw new Conflict(`Tag ${index.slice(0, 20)} does not exist.`, 'no-such-tag');
  const changed: unknown[] = [...tags];
  if (op === 'add') changed.splice(at, 0, value);
  else if (op === 'replace') changed[at] = value;
  else changed.splice(at, 1);
  return changed as string[]; // checked by withTags
}
