// The five verbs that all resources share: find what the caller may see, check policy per resource and per attribute,
// change it in one transaction, tell OVN, answer. A resource gives the parts that differ as a `ResourceSpec`.
import type { TSchema } from 'typebox';
import { Reply, type Call, type Route } from '#platform/http/api.ts';
import type { Target } from '#platform/policy/enforcer.ts';
import type { NetworkTables, StandardColumns } from '../tables.ts';
import { badRequest, NetworkError, notFound, ownerless } from '../errors.ts';
import { checkQuota } from '../quotas/limits.ts';
import { removeTags, tagsOf } from '../tags/store.ts';
import { callerOf, type Caller, type Input, type NetworkDeps, type Sql, type View } from './deps.ts';
import { answerList, pickFields, type ColumnFilter, type Listing, type Needed } from './listing.ts';
import type { Committed, Unit } from './northbound-work.ts';
import { equals, selectRows, type Condition, type StandardTable } from './select.ts';

/** What a resource's functions get: who asks, and the transaction in which it happens. */
export interface Operation {
  readonly call: Call;
  readonly deps: NetworkDeps;
  readonly caller: Caller;
  readonly unit: Unit;
}

export interface ResourceSpec<T extends StandardTable> {
  /** Key of one in bodies, and name in policy rules: `network`. */
  readonly name: string;
  readonly plural: string;
  /** `/v2.0/networks` */
  readonly path: string;
  readonly table: T;
  /** All attributes of the view that may be filtered and sorted by. */
  readonly attributes: readonly string[];
  /** Those of them that are columns of the table, beside the standard ones. */
  readonly columns: Readonly<Record<string, ColumnFilter>>;
  readonly special?: Listing['special'];
  readonly post: TSchema;
  readonly put: TSchema;
  readonly quota?: string;
  visible(caller: Caller): Condition;
  /** Without tags and standard attributes, which are added. In the order of `rows`. What is not needed may be empty. */
  view(
    rows: ReadonlyArray<NetworkTables[T]>,
    caller: Caller,
    deps: NetworkDeps,
    db: Sql,
    needed?: Needed,
  ): Promise<View[]>;
  /** Facts about related resources that policy rules speak of: `network:project_id`. */
  target?(input: Input, deps: NetworkDeps, db: Sql): Promise<Target>;
  /** Runs before policy: refuses (404) bodies that name what the caller may not see. */
  check?(input: Input, caller: Caller, deps: NetworkDeps, projectId: string): Promise<void>;
  /** Runs before the transaction: what must exist before. */
  prepare?(projectId: string, deps: NetworkDeps): Promise<void>;
  create(operation: Operation, input: Input, projectId: string): Promise<NetworkTables[T]>;
  update(operation: Operation, row: NetworkTables[T], input: Input): Promise<NetworkTables[T]>;
  remove(operation: Operation, row: NetworkTables[T]): Promise<void>;
}

export const STANDARD_COLUMNS: Readonly<Record<string, ColumnFilter>> = {
  id: { column: 'id', type: 'text' },
  project_id: { column: 'project_id', type: 'text' },
  description: { column: 'description', type: 'text' },
  revision_number: { column: 'revision_number', type: 'integer' },
  created_at: { column: 'created_at', type: 'time' },
  updated_at: { column: 'updated_at', type: 'time' },
};

/** Times are kept in milliseconds and shown in seconds, as upstream does. */
export function shownTime(iso: string): string {
  return `${iso.slice(0, 19)}Z`;
}

export class Crud<T extends StandardTable> {
  readonly spec: ResourceSpec<T>;
  readonly #listing: Listing;
  #guarded: ReadonlyArray<readonly [string, string]> | undefined;

  constructor(spec: ResourceSpec<T>) {
    this.spec = spec;
    const columns = { ...STANDARD_COLUMNS, ...spec.columns };
    this.#listing = {
      plural: spec.plural,
      table: spec.table,
      attributes: new Set([...Object.keys(columns), ...Object.keys(spec.special ?? {}), ...spec.attributes]),
      columns,
      ...(spec.special ? { special: spec.special } : {}),
    };
  }

  /** List, create, show, update, delete. */
  routes(): Route<NetworkDeps>[] {
    const { path, name, post, put } = this.spec;
    const errors = [409, 412];
    return [
      { method: 'GET', path, handler: (call, deps) => this.list(call, deps), policy: `get_${name}` },
      {
        method: 'POST',
        path,
        handler: (call, deps) => this.create(call, deps),
        body: post,
        success: 201,
        errors,
      },
      { method: 'GET', path: `${path}/:id`, handler: (call, deps) => this.show(call, deps) },
      {
        method: 'PUT',
        path: `${path}/:id`,
        handler: (call, deps) => this.update(call, deps),
        body: put,
        errors,
      },
      {
        method: 'DELETE',
        path: `${path}/:id`,
        handler: (call, deps) => this.remove(call, deps),
        success: 204,
        errors,
      },
    ];
  }

  async list(call: Call, deps: NetworkDeps): Promise<View> {
    const caller = callerOf(call);
    await this.spec.prepare?.(caller.projectId, deps);
    return answerList(call, this.#listing, {
      deps,
      visible: this.spec.visible(caller),
      views: (rows, needed) =>
        this.views(rows as Array<NetworkTables[T]>, call, deps, deps.db.kysely, needed),
    });
  }

  async show(call: Call, deps: NetworkDeps): Promise<View> {
    const row = await this.get(call, deps, deps.db.kysely, call.params['id'] ?? '');
    const [view] = await this.views([row], call, deps, deps.db.kysely);
    return { [this.spec.name]: pickFields(view ?? {}, call.query.getAll('fields')) };
  }

  async create(call: Call, deps: NetworkDeps): Promise<Reply> {
    const { name, plural, quota } = this.spec;
    const body = call.body as Readonly<Record<string, Input | readonly Input[]>>;
    const bulk = Array.isArray(body[plural]);
    const inputs = (bulk ? body[plural] : [body[name]]) as readonly Input[];
    const planned = inputs.map((input) => ({ input, projectId: ownerOf(call, input) }));
    for (const { input, projectId } of planned) {
      await this.spec.check?.(input, callerOf(call), deps, projectId);
      await this.#enforceCreate(call, deps, input, projectId);
    }
    for (const projectId of new Set(planned.map((each) => each.projectId)))
      await this.spec.prepare?.(projectId, deps);
    const done = await deps.work.commit(async (unit) => {
      for (const [projectId, count] of countBy(planned.map((each) => each.projectId)))
        if (quota) await checkQuota(unit.trx, deps, quota, projectId, count);
      const rows: Array<NetworkTables[T]> = [];
      for (const { input, projectId } of planned)
        rows.push(await this.spec.create({ call, deps, caller: callerOf(call), unit }, input, projectId));
      return rows;
    });
    const views = await this.views(done.result, call, deps, deps.db.kysely);
    return new Reply(201, bulk ? { [plural]: views } : { [name]: views[0] }, northboundHeaders(done));
  }

  async update(call: Call, deps: NetworkDeps): Promise<Reply> {
    const input = (call.body as Readonly<Record<string, Input>>)[this.spec.name] ?? {};
    const done = await this.change(call, deps, async (operation, row) => {
      await this.#enforceAttributes(call, deps, `update_${this.spec.name}`, input, row, operation.unit.trx);
      return this.spec.update(operation, row, input);
    });
    const [view] = await this.views([done.result], call, deps, deps.db.kysely);
    return new Reply(200, { [this.spec.name]: view }, northboundHeaders(done));
  }

  async remove(call: Call, deps: NetworkDeps): Promise<Reply> {
    const done = await this.change(call, deps, async (operation, row) => {
      await this.#enforceAttributes(call, deps, `delete_${this.spec.name}`, {}, row, operation.unit.trx);
      await this.spec.remove(operation, row);
      await removeTags(operation.unit.trx, row.id);
    });
    return new Reply(204, undefined, northboundHeaders(done));
  }

  /** Finds what the path names and changes it in one transaction, if its revision is the one the client expects. */
  async change<R>(
    call: Call,
    deps: NetworkDeps,
    fn: (operation: Operation, row: NetworkTables[T]) => Promise<R>,
  ): Promise<Committed<R>> {
    return deps.work.commit(async (unit) => {
      const row = await this.get(call, deps, unit.trx, call.params['id'] ?? '');
      checkRevision(call, row);
      return fn({ call, deps, caller: callerOf(call), unit }, row);
    });
  }

  /** @throws NetworkError 404 when it is not there or the caller may not see it. */
  async get(call: Call, deps: NetworkDeps, db: Sql, id: string): Promise<NetworkTables[T]> {
    const row = await this.find(callerOf(call), db, id);
    if (!row || !call.allows(`get_${this.spec.name}`, await this.#target(row, deps, db)))
      throw notFound(this.spec.name, id);
    return row;
  }

  /** Undefined when it is not there or `caller` may not see it. */
  async find(caller: Caller, db: Sql, id: string): Promise<NetworkTables[T] | undefined> {
    if (id === '' || id.length > 64 || id.includes('\0')) return undefined;
    const rows = await selectRows(db, this.spec.table, [equals('id', id), this.spec.visible(caller)]);
    return rows[0];
  }

  /** As the caller may see them. */
  async views(
    rows: ReadonlyArray<NetworkTables[T]>,
    call: Call,
    deps: NetworkDeps,
    db: Sql,
    needed?: Needed,
  ): Promise<View[]> {
    const tagged = needed?.has('tags') === false ? [] : rows.map((row) => row.id);
    const tags = await tagsOf(db, deps.db.engine, tagged);
    const views = await this.spec.view(rows, callerOf(call), deps, db, needed);
    return views.map((view, index) => {
      const row = rows[index];
      return row
        ? this.#hide(call, deps, { ...view, ...standardView(row), tags: tags.get(row.id) ?? [] })
        : view;
    });
  }

  #hide(call: Call, deps: NetworkDeps, view: View): View {
    this.#guarded ??= this.#listing.attributes
      .values()
      .map((attribute) => [attribute, `get_${this.spec.name}:${attribute}`] as const)
      .filter(([, rule]) => enforcerHas(deps, rule))
      .toArray();
    for (const [attribute, rule] of this.#guarded)
      if (attribute in view && !call.allows(rule, view)) delete view[attribute];
    return view;
  }

  async #target(row: NetworkTables[T], deps: NetworkDeps, db: Sql): Promise<Target> {
    const facts = this.spec.target ? await this.spec.target(row as unknown as Input, deps, db) : {};
    return { ...(row as unknown as Target), tenant_id: row.project_id, ...facts };
  }

  async #enforceCreate(call: Call, deps: NetworkDeps, input: Input, projectId: string): Promise<void> {
    const { name } = this.spec;
    const facts = this.spec.target ? await this.spec.target(input, deps, deps.db.kysely) : {};
    const target = { ...input, project_id: projectId, tenant_id: projectId, ...facts };
    call.enforce(`create_${name}`, target);
    enforceEach(call, deps, `create_${name}`, input, target);
  }

  async #enforceAttributes(
    call: Call,
    deps: NetworkDeps,
    rule: string,
    input: Input,
    row: NetworkTables[T],
    db: Sql,
  ): Promise<void> {
    const target = await this.#target(row, deps, db);
    call.enforce(rule, target);
    enforceEach(call, deps, rule, input, target);
  }
}

const enforcers = new WeakMap<NetworkDeps, (rule: string) => boolean>();

/** Tells which rules exist; called once when the service is put together. */
export function registerRules(deps: NetworkDeps, has: (rule: string) => boolean): void {
  enforcers.set(deps, has);
}

function enforcerHas(deps: NetworkDeps, rule: string): boolean {
  return enforcers.get(deps)?.(rule) ?? false;
}

function enforceEach(call: Call, deps: NetworkDeps, rule: string, input: Input, target: Target): void {
  for (const attribute of Object.keys(input)) {
    const own = `${rule}:${attribute}`;
    if (input[attribute] !== undefined && enforcerHas(deps, own)) call.enforce(own, target);
  }
}

export function standardView(row: StandardColumns): View {
  return {
    id: row.id,
    tenant_id: row.project_id,
    project_id: row.project_id,
    description: row.description,
    created_at: shownTime(row.created_at),
    updated_at: shownTime(row.updated_at),
    revision_number: row.revision_number,
  };
}

/** Rows written in OVN, for the launch record of whoever asked. */
export function northboundHeaders(done: Committed<unknown>): Record<string, string> {
  return { 'x-pileus-northbound': JSON.stringify({ ...done.change, pending: done.pending }) };
}

function ownerOf(call: Call, input: Input): string {
  const named = input['project_id'] ?? input['tenant_id'];
  if (
    input['project_id'] !== undefined &&
    input['tenant_id'] !== undefined &&
    input['project_id'] !== input['tenant_id']
  )
    throw badRequest('HTTPBadRequest', "'project_id' and 'tenant_id' do not match");
  const own = call.principal.projectId;
  if (typeof named === 'string' && named !== '') {
    if (named !== own && !callerOf(call).admin)
      throw badRequest(
        'HTTPBadRequest',
        "Specifying 'project_id' or 'tenant_id' other than the project of the token requires admin privileges.",
      );
    return named;
  }
  if (own === undefined) throw ownerless();
  return own;
}

function countBy(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function checkRevision(call: Call, row: StandardColumns): void {
  const wanted = call.headers['if-match'];
  if (wanted === undefined) return;
  // Other tags are nothing that this service ever gave out: they are passed over, as upstream does.
  const tags = wanted
    .split(',')
    .map((tag) => tag.trim().replaceAll('"', ''))
    .filter((tag) => tag.startsWith('revision_number='));
  if (tags.length === 0) return;
  const match = tags.length === 1 ? /^revision_number=(\d{1,15})$/.exec(tags[0] ?? '') : null;
  if (!match) throw badRequest('BadRequest', `Bad if-match request: it may hold one revision_number=<int>.`);
  if (Number(match[1]) !== row.revision_number)
    throw new NetworkError(
      'precondition-failed',
      'RevisionNumberConstraintFailed',
      `Constrained to ${match[1]}, but current revision is ${row.revision_number}`,
    );
}
