// The tags of a project: `/v3/projects/{id}/tags`.
import { Reply, type Call } from '#platform/http/api.ts';
import { findProblem } from '#platform/http/validate.ts';
import type { ProjectRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';
import { Invalid, NotFound } from '../errors.ts';
import { getProject } from './find.ts';
import { tagSchema, type ReplaceTags } from './schema.ts';
import { updateProject } from './store.ts';

const MAX_TAGS = 80; // upstream's

function tagsOf(row: ProjectRow): string[] {
  return JSON.parse(row.tags) as string[];
}

async function store(deps: IdentityDeps, row: ProjectRow, tags: readonly string[]): Promise<void> {
  await deps.db.transaction(async (trx) => updateProject(trx, row.id, { tags: JSON.stringify(tags) }));
}

export async function listTags(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getProject(call, deps, 'identity:list_project_tags');
  return { tags: tagsOf(row), links: { self: `${call.baseUrl}${call.path}`, next: null, previous: null } };
}

export async function replaceTags(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getProject(call, deps, 'identity:update_project_tags');
  const { tags } = call.body as ReplaceTags;
  await store(deps, row, tags);
  return { tags, links: { self: `${call.baseUrl}${call.path}`, next: null, previous: null } };
}

export async function removeTags(call: Call, deps: IdentityDeps): Promise<unknown> {
  await store(deps, await getProject(call, deps, 'identity:delete_project_tags'), []);
  return undefined;
}

export async function checkTag(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getProject(call, deps, 'identity:get_project_tag');
  const tag = call.params['tag'] ?? '';
  if (!tagsOf(row).includes(tag)) throw new NotFound('project tag', tag);
  return undefined;
}

export async function addTag(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getProject(call, deps, 'identity:create_project_tag');
  const tag = call.params['tag'] ?? '';
  const tags = tagsOf(row);
  if (findProblem(tagSchema, tag))
    throw new Invalid('A tag has 1 to 255 characters without commas and slashes.');
  if (tags.includes(tag)) throw new Invalid(`The project has the tag ${tag} already.`);
  if (tags.length >= MAX_TAGS) throw new Invalid(`A project has at most ${MAX_TAGS} tags.`);
  await store(deps, row, [...tags, tag]);
  return new Reply(201, undefined, { location: `${call.baseUrl}${call.path}` });
}

export async function removeTag(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getProject(call, deps, 'identity:delete_project_tag');
  const tag = call.params['tag'] ?? '';
  const tags = tagsOf(row);
  if (!tags.includes(tag)) throw new NotFound('project tag', tag);
  await store(
    deps,
    row,
    tags.filter((each) => each !== tag),
  );
  return undefined;
}
