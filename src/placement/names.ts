// Traits and resource classes by name: the standard ones and the custom ones that are in the database.
import type { PlacementExecutor } from './deps.ts';
import { BadRequest } from './errors.ts';
import { isStandardClass, isStandardTrait } from './standard-names.ts';

async function unknown(
  db: PlacementExecutor,
  table: 'custom_traits' | 'custom_resource_classes',
  names: Iterable<string>,
  standard: (name: string) => boolean,
): Promise<string[]> {
  const custom = [...new Set(names)].filter((name) => !standard(name));
  if (custom.length === 0) return [];
  const rows = await db.selectFrom(table).select('name').where('name', 'in', custom).execute();
  const known = new Set(rows.map((row) => row.name));
  return custom.filter((name) => !known.has(name));
}

/** @throws BadRequest naming those that do not exist */
export async function assertTraits(db: PlacementExecutor, names: Iterable<string>): Promise<void> {
  const missing = await unknown(db, 'custom_traits', names, isStandardTrait);
  if (missing.length > 0) throw new BadRequest(`No such trait(s): ${missing.join(', ')}.`);
}

/** @throws BadRequest naming those that do not exist */
export async function assertClasses(db: PlacementExecutor, names: Iterable<string>): Promise<void> {
  const missing = await unknown(db, 'custom_resource_classes', names, isStandardClass);
  if (missing.length > 0) throw new BadRequest(`No such resource class ${missing.join(', ')}.`);
}
