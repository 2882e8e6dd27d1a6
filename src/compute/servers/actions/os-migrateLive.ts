// `os-migrateLive`: the server goes to another host while it runs, for administrators. Up to 2.33 the answer waits for what can
// be checked before anything is copied; from 2.34 on the server's record tells.
import { Type } from 'typebox';
import type { Call, VersionedSchema } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { listSteps } from '#platform/saga/sql-log.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput } from '#compute/errors.ts';
import type { MoveRef } from '#compute/rpc.ts';
import { booleanSchema, isTrue, strict } from '#compute/schema-types.ts';
import { findMigration, listOpenMigrationsOf } from '#compute/server-migrations/store.ts';
import type { Fault, InstanceActionRow } from '#compute/tables.ts';
import { untilCommitted } from '../await-action.ts';
import { admitAction } from '../begin-action.ts';
import { beginMove } from '../moves/begin-move.ts';
import { requireOtherHost } from '../moves/other-host.ts';
import { findAction, findInstance } from '../store.ts';

const RULE = 'os_compute_api:os-migrate-server:migrate_live';

const host = Type.Union([
  Type.Null(),
  Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-._]*$' }),
]);
const blockMigration = Type.Union([booleanSchema, Type.Literal('auto')]);
const body = (fields: Parameters<typeof Type.Object>[0]) =>
  Type.Object({ 'os-migrateLive': Type.Object({ host, ...fields }, strict) }, strict);

export const migrateLiveBody: readonly VersionedSchema[] = [
  { since: '2.1', schema: body({ block_migration: booleanSchema, disk_over_commit: booleanSchema }) },
  { since: '2.25', schema: body({ block_migration: blockMigration }) },
  { since: '2.30', schema: body({ block_migration: blockMigration, force: Type.Optional(booleanSchema) }) },
  { since: '2.68', schema: body({ block_migration: blockMigration }) },
];

interface MigrateLiveBody {
  readonly 'os-migrateLive': {
    readonly host: string | null;
    readonly block_migration: boolean | string;
    readonly force?: boolean | string;
  };
}

export async function migrateLive(call: Call, deps: ComputeDeps): Promise<void> {
  const handledAt = deps.clock.now();
  const { 'os-migrateLive': wanted } = call.body as MigrateLiveBody;
  const from = { vm: ['active', 'paused'] } as const;
  const row = await admitAction(call, deps, { action: 'os-migrateLive', rule: RULE, from });
  const forced = isTrue(wanted.force ?? false);
  if (forced && wanted.host === null) throw new InvalidInput("Can't force to a non-provided destination");
  await requireOtherHost(deps, row, wanted.host);
  const begun = await beginMove(
    call,
    deps,
    row,
    {
      action: 'live-migration',
      rule: RULE,
      exclude: [row.host ?? ''],
      requestedHost: wanted.host,
      live: {
        blockMigration: wanted.block_migration === 'auto' ? null : isTrue(wanted.block_migration),
        forced,
      },
    },
    handledAt,
  );
  if (!atLeast(call.microversion, '2.34')) await awaitChecks(deps, begun);
}

const CHECKS_MS = 30_000; // a client waits no longer; what is not known by then is told by the server's record
/** Steps that make nothing: what they refuse could have been told at once. */
const CHECKS: ReadonlySet<string> = new Set(['select', 'prepare']);

/** @throws InvalidInput with the reason when the checks have failed; one that waits for its turn is checked later */
async function awaitChecks(deps: ComputeDeps, ref: MoveRef): Promise<void> {
  const checked = await untilCommitted(
    deps.db,
    async () => {
      const action = await findAction(deps.db.kysely, ref.action_id);
      if (action?.state !== 'running') return { failed: await failedCheck(deps, action) };
      const steps = await listSteps(deps.db.kysely, [ref.action_id]);
      const passed = steps.some(({ step, state }) => step === 'prepare' && state === 'done');
      return passed || (await waitsItsTurn(deps, ref.migration_uuid)) ? {} : undefined;
    },
    CHECKS_MS,
  );
  if (checked?.failed !== undefined) throw new InvalidInput(checked.failed, 'live-migration-refused');
}

async function failedCheck(
  { db }: ComputeDeps,
  action: InstanceActionRow | undefined,
): Promise<string | undefined> {
  if (!action) return undefined;
  const steps = await listSteps(db.kysely, [action.id]);
  if (!steps.some(({ step, error }) => CHECKS.has(step) && error !== null)) return undefined;
  const row = await findInstance(db.kysely, action.instance_id);
  return row?.fault_json ? (JSON.parse(row.fault_json) as Fault).message : 'The server can not be migrated.';
}

/** Others leave the host before it. */
async function waitsItsTurn({ db }: ComputeDeps, uuid: string): Promise<boolean> {
  const own = await findMigration(db.kysely, uuid);
  if (own?.status !== 'queued') return false;
  const open = await listOpenMigrationsOf(db.kysely, own.source_compute);
  return open.some(
    (each) =>
      each.migration_type === 'live-migration' &&
      each.source_compute === own.source_compute &&
      ['preparing', 'running', 'post-migrating'].includes(each.status),
  );
}
