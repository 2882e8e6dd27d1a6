// Projects above and below a project: what `?parents_as_list` and its like show, and what enabling and moving must heed.
import type { IdentityExecutor, ProjectRow } from '../database.ts';
import { findProject, listProjectRows } from './store.ts';

/** Nearest first; the domain is not among them. */
export async function ancestorsOf(db: IdentityExecutor, project: ProjectRow): Promise<ProjectRow[]> {
  const ancestors: ProjectRow[] = [];
  let at: ProjectRow | undefined = project;
  while (at && at.parent_id !== at.domain_id && at.parent_id !== '') {
    at = await findProject(db, at.parent_id);
    if (!at || ancestors.some((each) => each.id === at?.id)) break;
    ancestors.push(at);
  }
  return ancestors;
}

/** All below, parents before children. Reads the domain's projects in one statement. */
export async function descendantsOf(db: IdentityExecutor, project: ProjectRow): Promise<ProjectRow[]> {
  const domainId = project.is_domain === 1 ? project.id : project.domain_id;
  return below(project.id, await listProjectRows(db, { domain_id: domainId }));
}

/** Those of `projects` that lie below `id`, parents before children. */
export function below(id: string, projects: readonly ProjectRow[]): ProjectRow[] {
  const byParent = Map.groupBy(projects, (project) => project.parent_id);
  const found: ProjectRow[] = [];
  const pending = [id];
  for (let at = pending.shift(); at !== undefined; at = pending.shift()) {
    for (const child of byParent.get(at) ?? []) {
      found.push(child);
      pending.push(child.id);
    }
  }
  return found;
}

export type IdTree = { readonly [id: string]: IdTree | null };

/** `{"<child>": {"<grandchild>": null}}`, null for none. */
export function subtreeIds(id: string, descendants: readonly ProjectRow[]): IdTree | null {
  const children = descendants.filter((each) => each.parent_id === id);
  if (children.length === 0) return null;
  return Object.fromEntries(children.map((child) => [child.id, subtreeIds(child.id, descendants)]));
}

/** `{"<parent>": {"<grandparent>": …}}`, null for none. */
export function parentIds(ancestors: readonly { id: string }[]): IdTree | null {
  return ancestors.toReversed().reduce<IdTree | null>((tree, each) => ({ [each.id]: tree }), null);
}
