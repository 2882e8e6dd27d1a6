// The projects and domains where a user has some role, for `GET /v3/auth/projects` and its like.
import type { ProjectRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';
import { below } from '../projects/hierarchy.ts';
import { listProjectRows, listProjectsByIds } from '../projects/store.ts';

/** Directly, by a group, or inherited from above. Two statements, three when something is inherited. */
export async function projectsOfUser(deps: IdentityDeps, userId: string): Promise<ProjectRow[]> {
  const assignments = await deps.directory.assignments(userId);
  const direct = assignments.filter((each) => each.target_type === 'project' && each.inherited === 0);
  const inherited = assignments.filter((each) => each.inherited === 1);
  const ids = new Set(direct.map((each) => each.target_id));
  if (inherited.length > 0) {
    const all = await listProjectRows(deps.db.kysely, { is_domain: 0 });
    for (const { target_id: id } of inherited) for (const project of below(id, all)) ids.add(project.id);
  }
  return (await listProjectsByIds(deps.db.kysely, [...ids])).filter((row) => row.is_domain === 0);
}

export async function domainsOfUser(deps: IdentityDeps, userId: string): Promise<ProjectRow[]> {
  const assignments = await deps.directory.assignments(userId);
  const ids = new Set(
    assignments
      .filter((each) => each.target_type === 'domain' && each.inherited === 0)
      .map((each) => each.target_id),
  );
  return listProjectsByIds(deps.db.kysely, [...ids]);
}
