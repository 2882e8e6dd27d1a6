// The facts that logins and validations need — users, projects, roles, the catalog — read through a cache that any write
// empties. Handlers that change things read the stores themselves.
import type { Clock } from '#platform/context/clock.ts';
import {
  findApplicationCredential,
  findApplicationCredentialByName,
  listRulesOfCredentials,
  type BoundRule,
} from '../application-credentials/store.ts';
import { listEndpointRows, listServiceRows } from '../catalog/store.ts';
import { catalogOf, type CatalogEntry } from '../catalog/view.ts';
import type {
  AccessTokenRow,
  ApplicationCredentialRow,
  AssignmentRow,
  IdentityDatabase,
  ProjectRow,
  TrustRow,
  UserRow,
} from '../database.ts';
import { tiedEndpoints } from '../endpoint-filter/filter.ts';
import { listTies } from '../endpoint-filter/store.ts';
import { listAccessTokenRows } from '../oauth1/store.ts';
import { findProject, findProjectByName, NO_DOMAIN } from '../projects/store.ts';
import { listAssignmentsOfUser } from '../role-assignments/store.ts';
import { listImplications, listRoleRows } from '../roles/store.ts';
import { findTrust } from '../trusts/store.ts';
import { findUser, findUserByName } from '../users/store.ts';
import { Memo } from './memo.ts';
import { RoleGraph, type ScopePlace } from './role-graph.ts';

/** Ids and names that no row can have are not looked up: PostgreSQL refuses NUL in text, and long ones are abuse. */
export function isPossibleText(text: string): boolean {
  return text.length > 0 && text.length <= 255 && !text.includes('\u0000');
}

export class Directory {
  readonly #db: IdentityDatabase;
  readonly memo: Memo;
  /** Which endpoints projects are limited to: few are, so this outlives other writes. */
  readonly #ties: Memo;

  constructor(db: IdentityDatabase, clock: Clock, maxAgeMs: number) {
    this.#db = db;
    this.memo = new Memo(clock, maxAgeMs);
    this.#ties = new Memo(clock, maxAgeMs);
    db.onCommit(() => this.memo.clear());
  }

  async user(id: string): Promise<UserRow | undefined> {
    return this.#read('user', [id], async () => findUser(this.#db.kysely, id));
  }

  async userByName(name: string, domainId: string): Promise<UserRow | undefined> {
    return this.#read('user-name', [name, domainId], async () =>
      findUserByName(this.#db.kysely, name, domainId),
    );
  }

  /** A project or a domain. */
  async project(id: string): Promise<ProjectRow | undefined> {
    return this.#read('project', [id], async () => findProject(this.#db.kysely, id));
  }

  async projectByName(name: string, domainId: string): Promise<ProjectRow | undefined> {
    return this.#read('project-name', [name, domainId], async () =>
      findProjectByName(this.#db.kysely, name, domainId),
    );
  }

  async domain(id: string): Promise<ProjectRow | undefined> {
    const row = await this.project(id);
    return row?.is_domain === 1 ? row : undefined;
  }

  async domainByName(name: string): Promise<ProjectRow | undefined> {
    const read = async (): Promise<ProjectRow | undefined> =>
      findProjectByName(this.#db.kysely, name, NO_DOMAIN);
    return this.#read('domain-name', [name], read);
  }

  async roleGraph(): Promise<RoleGraph> {
    return this.memo.get('role-graph', async () => {
      const { kysely } = this.#db;
      return new RoleGraph(await listRoleRows(kysely, {}), await listImplications(kysely));
    });
  }

  /** The user's own and those by groups. */
  async assignments(userId: string): Promise<readonly AssignmentRow[]> {
    return this.memo.get(`assignments:${userId}`, async () => listAssignmentsOfUser(this.#db.kysely, userId));
  }

  async placeOfProject(project: ProjectRow): Promise<ScopePlace> {
    const ancestors: string[] = [];
    let parent = project.parent_id;
    while (parent !== project.domain_id && parent !== '' && !ancestors.includes(parent)) {
      ancestors.push(parent);
      parent = (await this.project(parent))?.parent_id ?? '';
    }
    return { kind: 'project', id: project.id, ancestors, domainId: project.domain_id };
  }

  async applicationCredential(id: string): Promise<ApplicationCredentialRow | undefined> {
    const read = async (): Promise<ApplicationCredentialRow | undefined> =>
      findApplicationCredential(this.#db.kysely, id);
    return this.#read('application-credential', [id], read);
  }

  async applicationCredentialByName(
    name: string,
    userId: string,
  ): Promise<ApplicationCredentialRow | undefined> {
    const read = async (): Promise<ApplicationCredentialRow | undefined> =>
      findApplicationCredentialByName(this.#db.kysely, name, userId);
    return this.#read('application-credential-name', [name, userId], read);
  }

  /** As it was when it was read: how many uses it has left may be less by now. */
  async trust(id: string): Promise<TrustRow | undefined> {
    return this.#read('trust', [id], async () => findTrust(this.#db.kysely, id));
  }

  async accessToken(id: string): Promise<AccessTokenRow | undefined> {
    const read = async (): Promise<AccessTokenRow | undefined> =>
      (await listAccessTokenRows(this.#db.kysely, { id }))[0];
    return this.#read('access-token', [id], read);
  }

  async accessRules(credentialId: string): Promise<readonly BoundRule[]> {
    return this.memo.get(`access-rules:${credentialId}`, async () =>
      listRulesOfCredentials(this.#db.kysely, [credentialId]),
    );
  }

  /** For a token of `projectId`, which some URL templates name. */
  async catalog(projectId: string | undefined, userId: string): Promise<readonly CatalogEntry[]> {
    const parts = await this.memo.get('catalog-rows', async () => ({
      services: await listServiceRows(this.#db.kysely, {}),
      endpoints: await listEndpointRows(this.#db.kysely, {}),
    }));
    const ties = projectId === undefined ? undefined : (await this.#endpointTies()).get(projectId);
    const tied = ties && tiedEndpoints(parts.endpoints, ties);
    if (tied && tied.length > 0) {
      const services = catalogOf(parts.services, tied, { projectId, userId });
      return services.filter((service) => service.endpoints.length > 0);
    }
    const named = parts.endpoints.some((endpoint) => /[$%]\(/.test(endpoint.url));
    if (named) return catalogOf(parts.services, parts.endpoints, { projectId, userId });
    return this.memo.get('catalog', async () => catalogOf(parts.services, parts.endpoints, {}));
  }

  /** To be called after a write of them: see `#ties`. */
  forgetEndpointTies(): void {
    this.#ties.clear();
    this.memo.clear(); // a catalog may have been made of the old ones since the commit
  }

  async #endpointTies(): Promise<Map<string, Awaited<ReturnType<typeof listTies>>>> {
    return this.#ties.get('all', async () =>
      Map.groupBy(await listTies(this.#db.kysely), (tie) => tie.project_id),
    );
  }

  async #read<T>(
    kind: string,
    texts: readonly string[],
    read: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    if (!texts.every(isPossibleText)) return undefined;
    return this.memo.get([kind, ...texts].join('\u0000'), read); // none of the texts holds a NUL
  }
}
