// Fills an empty identity with what a cloud starts from: the default domain, roles, projects, users and the catalog.
// Idempotent: what is there stays as it is, so that `up` may run it each time. Called by `src/cloud/`.
import { randomBytes } from 'node:crypto';
import type { ServiceName } from '#platform/service/service.ts';
import {
  insertEndpoint,
  insertRegion,
  insertService,
  findRegion,
  listEndpointRows,
  listServiceRows,
  updateEndpoint,
} from './catalog/store.ts';
import type { IdentityExecutor, RoleRow } from './database.ts';
import { newId, type IdentityDeps } from './deps.ts';
import { findProject, findProjectByName, insertProject, NO_DOMAIN } from './projects/store.ts';
import { insertAssignment, SYSTEM } from './role-assignments/store.ts';
import { insertImplication, insertRole, listRoleRows } from './roles/store.ts';
import { findUserByName, insertPasswordHistory, insertUser } from './users/store.ts';

export const DEFAULT_DOMAIN = 'default';

export interface CatalogService {
  /** `compute` */
  readonly type: string;
  /** `nova` */
  readonly name: string;
  /** Below the origin: `/compute/v2.1`. */
  readonly path: string;
}

/** The services of the cloud as clients know them. */
export const CATALOG_SERVICES: readonly CatalogService[] = [
  { type: 'identity', name: 'keystone', path: '/identity' },
  { type: 'compute', name: 'nova', path: '/compute/v2.1' },
  { type: 'placement', name: 'placement', path: '/placement' },
  { type: 'image', name: 'glance', path: '/image' },
  { type: 'network', name: 'neutron', path: '/network' },
  { type: 'volumev3', name: 'cinderv3', path: '/volume/v3/$(project_id)s' },
  { type: 'block-storage', name: 'cinder', path: '/volume/v3/$(project_id)s' },
];

/** Names of the users that services log in with. */
export const SERVICE_USERS: Readonly<Record<Exclude<ServiceName, 'identity'>, string>> = {
  compute: 'nova',
  network: 'neutron',
  image: 'glance',
  placement: 'placement',
  volume: 'cinder',
};

export interface BootstrapOptions {
  /** Generated when absent. */
  readonly adminPassword?: string;
  readonly region: string;
  /** Where clients find the cloud: `http://127.0.0.1:8790`. Endpoints that bootstrap made follow it when it changes. */
  readonly origin: string;
  readonly services: readonly CatalogService[];
}

/** Passwords of the users that this call made, by user name: the only time they are known. */
export interface Bootstrapped {
  readonly passwords: Readonly<Record<string, string>>;
}

/** In the order of implication: each implies the next. */
const ROLE_CHAIN = ['admin', 'manager', 'member', 'reader'] as const;

export async function bootstrapIdentity(
  deps: IdentityDeps,
  options: BootstrapOptions,
): Promise<Bootstrapped> {
  const wanted = [
    { name: 'admin', password: options.adminPassword, project: 'admin', roles: ['admin'], system: true },
    { name: 'demo', password: undefined, project: 'demo', roles: ['member'], system: false },
    ...Object.values(SERVICE_USERS).map((name) => ({
      name,
      password: undefined,
      project: 'service',
      roles: ['admin', 'service'],
      system: false,
    })),
  ];
  const users: NewUser[] = await Promise.all(
    wanted.map(async (user) => {
      const known = await findUserByName(deps.db.kysely, user.name, DEFAULT_DOMAIN);
      const password = user.password ?? randomBytes(18).toString('base64url');
      return { ...user, password, ...(known ? {} : { hash: await deps.hasher.hash(password) }) };
    }),
  );
  const made = await deps.db.transaction(async (trx) => {
    await ensureDomain(trx);
    const roles = await ensureRoles(trx);
    const names = await ensureUsers(deps, trx, users, roles);
    await ensureCatalog(trx, options);
    return names;
  });
  return {
    passwords: Object.fromEntries(
      users.filter((user) => made.has(user.name)).map((user) => [user.name, user.password]),
    ),
  };
}

interface NewUser {
  readonly name: string;
  readonly password: string;
  /** Absent when the user was there already. */
  readonly hash?: string;
  readonly project: string;
  readonly roles: readonly string[];
  readonly system: boolean;
}

async function ensureDomain(trx: IdentityExecutor): Promise<void> {
  if (await findProject(trx, DEFAULT_DOMAIN)) return;
  await insertProject(trx, {
    ...EMPTY_PROJECT,
    id: DEFAULT_DOMAIN,
    name: 'Default',
    description: 'The default domain',
    is_domain: 1,
  });
}

const EMPTY_PROJECT = {
  domain_id: NO_DOMAIN,
  parent_id: '',
  is_domain: 0,
  description: '',
  enabled: 1,
  tags: '[]',
  options: '{}',
  extra: '{}',
};

async function ensureRoles(trx: IdentityExecutor): Promise<ReadonlyMap<string, RoleRow>> {
  const roles = new Map((await listRoleRows(trx, { domain_id: NO_DOMAIN })).map((role) => [role.name, role]));
  for (const name of [...ROLE_CHAIN, 'service']) {
    if (roles.has(name)) continue;
    const options = JSON.stringify({ immutable: true });
    const role = { id: newId(), name, domain_id: NO_DOMAIN, description: null, options, extra: '{}' };
    await insertRole(trx, role);
    roles.set(name, role);
  }
  for (const [index, name] of ROLE_CHAIN.slice(0, -1).entries()) {
    const prior = roles.get(name);
    const implied = roles.get(ROLE_CHAIN[index + 1] ?? '');
    if (!prior || !implied) continue;
    await insertImplication(trx, { prior_role_id: prior.id, implied_role_id: implied.id });
  }
  return roles;
}

async function ensureUsers(
  deps: IdentityDeps,
  trx: IdentityExecutor,
  users: readonly NewUser[],
  roles: ReadonlyMap<string, RoleRow>,
): Promise<ReadonlySet<string>> {
  const made = new Set<string>();
  for (const user of users) {
    const projectId = await ensureProject(trx, user.project);
    if (user.hash === undefined) continue;
    const id = newId();
    const now = new Date(deps.clock.now()).toISOString();
    await insertUser(trx, {
      id,
      name: user.name,
      domain_id: DEFAULT_DOMAIN,
      enabled: 1,
      default_project_id: user.name === 'demo' ? projectId : null,
      description: null,
      options: '{}',
      extra: '{}',
      password_hash: user.hash,
      password_created_at: now,
      password_expires_at: null,
      failed_auth_count: 0,
      failed_auth_at: null,
      created_at: now,
    });
    await insertPasswordHistory(trx, {
      user_id: id,
      created_at: now,
      password_hash: user.hash,
      self_service: 0,
    });
    for (const role of user.roles) {
      const actor = {
        actor_type: 'user',
        actor_id: id,
        role_id: roles.get(role)?.id ?? '',
        inherited: 0,
      } as const;
      await insertAssignment(trx, { ...actor, target_type: 'project', target_id: projectId });
      if (user.system) await insertAssignment(trx, { ...actor, target_type: 'system', target_id: SYSTEM });
    }
    made.add(user.name);
  }
  return made;
}

async function ensureProject(trx: IdentityExecutor, name: string): Promise<string> {
  const known = await findProjectByName(trx, name, DEFAULT_DOMAIN);
  if (known) return known.id;
  const id = newId();
  await insertProject(trx, {
    ...EMPTY_PROJECT,
    id,
    name,
    domain_id: DEFAULT_DOMAIN,
    parent_id: DEFAULT_DOMAIN,
  });
  return id;
}

async function ensureCatalog(trx: IdentityExecutor, options: BootstrapOptions): Promise<void> {
  if (!(await findRegion(trx, options.region))) {
    await insertRegion(trx, { id: options.region, description: '', parent_region_id: null, extra: '{}' });
  }
  for (const { type, name, path } of options.services) {
    const [known] = await listServiceRows(trx, { type, name });
    const id = known?.id ?? newId();
    if (!known) await insertService(trx, { id, type, name, description: null, enabled: 1, extra: '{}' });
    await ensureEndpoints(trx, id, options, path);
  }
}

async function ensureEndpoints(
  trx: IdentityExecutor,
  serviceId: string,
  options: BootstrapOptions,
  path: string,
): Promise<void> {
  const known = await listEndpointRows(trx, { service_id: serviceId, region_id: options.region });
  const url = options.origin + path;
  for (const name of ['public', 'internal', 'admin'] as const) {
    const endpoint = known.find((each) => each.interface === name);
    if (!endpoint) {
      const row = { id: newId(), service_id: serviceId, region_id: options.region, interface: name, url };
      await insertEndpoint(trx, { ...row, enabled: 1, extra: '{}' });
    } else if (
      endpoint.url !== url &&
      endpoint.url.endsWith(path) &&
      /^https?:\/\/[^/]+$/.test(endpoint.url.slice(0, -path.length))
    ) {
      await updateEndpoint(trx, endpoint.id, { url }); // the same path at another origin: the cloud moved
    }
  }
}
