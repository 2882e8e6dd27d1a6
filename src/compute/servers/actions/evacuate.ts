// `evacuate`: an administrator has a server of a host that is down made anew on another one, with its ports and volumes.
import { Type } from 'typebox';
import { rpcClient } from '#platform/bus/bus.ts';
import { Reply, type Call, type VersionedSchema } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput, InvalidState, NotFound } from '#compute/errors.ts';
import { SCHEDULER_QUEUE, type SchedulerRpc } from '#compute/rpc.ts';
import { booleanSchema, isTrue, strict } from '#compute/schema-types.ts';
import { findOpenMigration, insertMigration } from '#compute/server-migrations/store.ts';
import { isUp } from '#compute/services/states.ts';
import { listServices } from '#compute/services/store.ts';
import { admitAction, commitAction } from '../begin-action.ts';
import { tokenOf } from '../create/check-image.ts';
import { newPassword } from '../create/create-server.ts';
import { newMigration } from '../moves/begin-move.ts';
import { cancelActions } from '../store.ts';

const host = Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-._]*$' });
const common = { host: Type.Optional(host), adminPass: Type.Optional(Type.String()) };
const plain = Type.Object({ evacuate: Type.Object(common, strict) }, strict);

export const evacuateBody: readonly VersionedSchema[] = [
  {
    schema: Type.Object(
      { evacuate: Type.Object({ ...common, onSharedStorage: booleanSchema }, strict) },
      strict,
    ),
  },
  { since: '2.14', schema: plain },
  {
    since: '2.29',
    schema: Type.Object(
      { evacuate: Type.Object({ ...common, force: Type.Optional(booleanSchema) }, strict) },
      strict,
    ),
  },
  { since: '2.68', schema: plain },
];

interface EvacuateBody {
  readonly evacuate: {
    readonly host?: string;
    readonly adminPass?: string;
    readonly onSharedStorage?: boolean | string;
    readonly force?: boolean | string;
  };
}

const SPEC = {
  action: 'evacuate',
  rule: 'os_compute_api:os-evacuate',
  from: { vm: ['active', 'stopped', 'error'], task: 'any' },
  task: 'rebuilding',
} as const;

export async function evacuateServer(call: Call, deps: ComputeDeps): Promise<Reply> {
  const handledAt = deps.clock.now();
  const { evacuate: wanted } = call.body as EvacuateBody;
  const row = await admitAction(call, deps, SPEC);
  const adminPass = passwordOf(call, wanted);
  await checkHosts(deps, row.host ?? '', wanted);
  // Whatever hangs on the host that is down is called off; a move that is under way is not.
  if (await findOpenMigration(deps.db.kysely, row.id))
    throw new InvalidState('evacuate', row.id, 'task_state', String(row.task_state));
  const migration = newMigration(call, deps, row, {
    migration_type: 'evacuation',
    status: 'accepted',
    new_flavor_json: row.flavor_json,
    disk_config: row.disk_config,
    forced: wanted.force !== undefined && isTrue(wanted.force) ? 1 : 0,
  });
  await commitAction(
    call,
    deps,
    row,
    {
      ...SPEC,
      changes: { admin_password: adminPass, fault_json: null, progress: 0 },
      deadlineMs: deps.config.fillDeadlineMs,
      also: async (trx) => {
        await cancelActions(trx, row.id);
        await insertMigration(trx, migration);
      },
      message: (_agent, ref) => {
        const args = { ...ref, attempt: 1, user_token: tokenOf(call), migration_uuid: migration.uuid };
        return rpcClient<SchedulerRpc>(deps.bus, SCHEDULER_QUEUE).message('selectDestination', {
          ...ref,
          attempt: 1,
          exclude: [row.host ?? ''],
          requested_host: wanted.host ?? null,
          migration_uuid: migration.uuid,
          next: { on: null, method: 'evacuateServer', args },
        });
      },
    },
    handledAt,
  );
  return atLeast(call.microversion, '2.14') ? new Reply(200) : new Reply(200, { adminPass });
}

/** @throws InvalidInput for a password of a disk that stays as it is */
function passwordOf(call: Call, wanted: EvacuateBody['evacuate']): string | null {
  const keeps = !atLeast(call.microversion, '2.14') && isTrue(wanted.onSharedStorage ?? false);
  if (keeps && wanted.adminPass !== undefined)
    throw new InvalidInput("admin password can't be changed on existing disk");
  return keeps ? null : (wanted.adminPass ?? newPassword());
}

/** @throws InvalidInput, NotFound */
async function checkHosts(
  deps: ComputeDeps,
  from: string,
  { host: to, force }: EvacuateBody['evacuate'],
): Promise<void> {
  if (force !== undefined && isTrue(force) && to === undefined)
    throw new InvalidInput("Can't force to a non-provided destination");
  const services = (await listServices(deps.db.kysely)).filter((each) => each.binary === 'nova-compute');
  if (to !== undefined && !services.some((service) => service.host === to))
    throw new NotFound(`Compute host ${to} not found.`, 'no-such-host');
  if (to === from) throw new InvalidInput("The target host can't be the same one.");
  const own = services.find((service) => service.host === from);
  if (own && isUp(own, deps.clock.now()))
    throw new InvalidInput(`Compute service of ${from} is still in use.`, 'host-is-up');
}
