// List, show, create, update, remove a user.
import type { Call } from '#platform/http/api.ts';
import type { UserRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { Invalid, NotFound } from '../errors.ts';
import { booleanOf, exactFilters, listAnswer } from '../listing.ts';
import { optionsOf } from '../passwords/passwords.ts';
import { findProject } from '../projects/store.ts';
import { removeUserWithAll } from '../removal.ts';
import {
  defined,
  domainOfCaller,
  domainOfList,
  extraOf,
  flag,
  lookUp,
  mergedExtra,
  mergedOptions,
  refuseChange,
  unlessTaken,
} from '../resource.ts';
import { getUser } from './find.ts';
import type { CreateUser, UpdateUser } from './schema.ts';
import { insertUser, listUserRows, updateUser } from './store.ts';
import { userView } from './view.ts';

const KNOWN = [
  'name',
  'domain_id',
  'enabled',
  'default_project_id',
  'description',
  'options',
  'password',
  'password_expires_at',
  'original_password',
];

/** Filters that fit users of other identity providers alone, of whom there are none. */
const FEDERATED = ['idp_id', 'protocol_id', 'unique_id'];

export async function listUsers(call: Call, deps: IdentityDeps): Promise<unknown> {
  const domainId = domainOfList(call);
  call.enforce('identity:list_users', { 'target.user.domain_id': domainId });
  const enabled = call.query.get('enabled');
  const rows = await listUserRows(deps.db.kysely, {
    ...exactFilters(call, ['name']),
    ...(domainId === undefined ? {} : { domain_id: domainId }),
    ...(enabled === null ? {} : { enabled: flag(booleanOf(enabled), true) }),
  });
  const fits = expiryFilter(call.query.getAll('password_expires_at'));
  if (FEDERATED.some((name) => call.query.has(name))) return listAnswer(call, 'users', []);
  return listAnswer(
    call,
    'users',
    rows.map((row) => userView(row, call.baseUrl)).filter((view) => fits(view['password_expires_at'])),
  );
}

const COMPARISONS: Readonly<Record<string, (time: number, bound: number) => boolean>> = {
  lt: (time, bound) => time < bound,
  lte: (time, bound) => time <= bound,
  gt: (time, bound) => time > bound,
  gte: (time, bound) => time >= bound,
  eq: (time, bound) => time === bound,
  neq: (time, bound) => time !== bound,
};

/** `lt:2030-01-01T00:00:00Z`: passwords that expire, and when. @throws Invalid */
function expiryFilter(wishes: readonly string[]): (expiresAt: unknown) => boolean {
  const tests = wishes.map((wish) => {
    const [, operator = 'eq', text = ''] = /^(?:([a-z]+):)?(\d{4}-.*)$/.exec(wish) ?? [];
    const compare = Object.hasOwn(COMPARISONS, operator) ? COMPARISONS[operator] : undefined;
    const bound = Date.parse(text);
    if (!compare || Number.isNaN(bound))
      throw new Invalid(
        'password_expires_at is asked for as operator:time, such as lt:2030-01-01T00:00:00Z.',
      );
    return (time: number) => compare(time, bound);
  });
  return (expiresAt) => {
    if (tests.length === 0) return true;
    const time = Date.parse(String(expiresAt));
    return !Number.isNaN(time) && tests.every((fits) => fits(time));
  };
}

export async function showUser(call: Call, deps: IdentityDeps): Promise<unknown> {
  return { user: userView(await getUser(call, deps, 'identity:get_user'), call.baseUrl) };
}

export async function createUser(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { user } = call.body as CreateUser;
  const domainId = user.domain_id ?? domainOfCaller(call);
  call.enforce('identity:create_user', { 'target.user.domain_id': domainId });
  const domain = await lookUp(domainId, async (key) => findProject(deps.db.kysely, key));
  if (domain?.is_domain !== 1) throw new NotFound('domain', domainId);
  const password = user.password ?? undefined;
  if (password !== undefined) deps.passwords.checkStrength(password);
  const options = mergedOptions({ options: '{}' }, user.options ?? {});
  const columns =
    password === undefined
      ? { password_hash: null, password_created_at: null, password_expires_at: null }
      : await deps.passwords.columnsFor(password, 'administrator', optionsOf({ options }));
  const row: UserRow = {
    id: newId(),
    name: user.name,
    domain_id: domainId,
    enabled: flag(user.enabled, true),
    default_project_id: user.default_project_id ?? null,
    description: user.description ?? null,
    options,
    extra: JSON.stringify(extraOf(user, KNOWN)),
    ...columns,
    failed_auth_count: 0,
    failed_auth_at: null,
    created_at: new Date(deps.clock.now()).toISOString(),
  };
  await unlessTaken('user', async () =>
    deps.db.transaction(async (trx) => {
      await insertUser(trx, row);
      if (row.password_hash !== null) await deps.passwords.recorder(row.id, columns, 'administrator')(trx);
    }),
  );
  return { user: userView(row, call.baseUrl) };
}

export async function updateOneUser(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getUser(call, deps, 'identity:update_user');
  const { user } = call.body as UpdateUser;
  refuseChange(user, row, ['domain_id']);
  if (typeof user.password === 'string') deps.passwords.checkStrength(user.password);
  const options = user.options === undefined ? row.options : mergedOptions(row, user.options);
  const columns =
    typeof user.password === 'string'
      ? await deps.passwords.columnsFor(user.password, 'administrator', optionsOf({ options }))
      : undefined;
  const changes = defined<UserRow>({
    name: user.name,
    enabled: user.enabled === undefined ? undefined : flag(user.enabled, true),
    default_project_id: user.default_project_id,
    description: user.description,
    options,
    extra: mergedExtra(row, user, KNOWN),
    ...columns,
    ...unlocking(user, columns !== undefined),
  });
  const revocation =
    columns !== undefined || user.enabled === false ? deps.revocations.ofUser(row.id) : undefined;
  await unlessTaken('user', async () =>
    deps.db.transaction(async (trx) => {
      await updateUser(trx, row.id, changes);
      if (columns) await deps.passwords.recorder(row.id, columns, 'administrator')(trx);
      await revocation?.write(trx);
    }),
  );
  if (revocation) await revocation.done();
  else await deps.revocations.announce({ user_id: row.id });
  return { user: userView({ ...row, ...changes }, call.baseUrl) };
}

/** An administrator who enables a user or sets its password also ends a lockout. */
function unlocking(
  user: UpdateUser['user'],
  newPassword: boolean,
): Partial<Pick<UserRow, 'failed_auth_count' | 'failed_auth_at'>> {
  return user.enabled === true || newPassword ? { failed_auth_count: 0, failed_auth_at: null } : {};
}

export async function removeOneUser(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getUser(call, deps, 'identity:delete_user');
  await deps.db.transaction(async (trx) => removeUserWithAll(trx, row.id));
  await deps.revocations.announce({ user_id: row.id });
  return undefined;
}
