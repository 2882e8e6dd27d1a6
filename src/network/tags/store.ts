// Tags of any resource, kept by the resource's id.
import type { Engine } from '#platform/sql/database.ts';
import type { Sql } from '../rest/deps.ts';
import { deleteRows, equals, inList, insertRow, selectRows } from '../rest/select.ts';

export async function tagsOf(
  db: Sql,
  engine: Engine,
  ids: readonly string[],
): Promise<Map<string, string[]>> {
  const tags = new Map<string, string[]>();
  if (ids.length === 0) return tags;
  for (const { resource_id, tag } of await selectRows(db, 'tags', [inList(engine, 'resource_id', ids)])) {
    tags.set(resource_id, [...(tags.get(resource_id) ?? []), tag]);
  }
  for (const list of tags.values()) list.sort();
  return tags;
}

export async function replaceTags(db: Sql, id: string, tags: readonly string[]): Promise<void> {
  await removeTags(db, id);
  for (const tag of new Set(tags)) await insertRow(db, 'tags', { resource_id: id, tag });
}

export async function removeTags(db: Sql, id: string): Promise<void> {
  await deleteRows(db, 'tags', [equals('resource_id', id)]);
}

export async function removeTag(db: Sql, id: string, tag: string): Promise<void> {
  await deleteRows(db, 'tags', [equals('resource_id', id), equals('tag', tag)]);
}
