// `migrate`: the server goes to another host with its flavor, off meanwhile. From 2.56 on an administrator may name the host.
import { Type } from 'typebox';
import type { Call, VersionedSchema } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { strict } from '#compute/schema-types.ts';
import { admitAction } from '../begin-action.ts';
import { beginMove } from '../moves/begin-move.ts';
import { requireOtherHost } from '../moves/other-host.ts';

const RULE = 'os_compute_api:os-migrate-server:migrate';

const hostName = Type.String({ minLength: 1, maxLength: 255, pattern: String.raw`^[a-zA-Z0-9-._]*$` });

export const migrateBody: readonly VersionedSchema[] = [
  { since: '2.1', schema: Type.Object({ migrate: Type.Unknown() }, strict) },
  {
    since: '2.56',
    schema: Type.Object(
      {
        migrate: Type.Union([
          Type.Null(),
          Type.Object({ host: Type.Optional(Type.Union([hostName, Type.Null()])) }, strict),
        ]),
      },
      strict,
    ),
  },
];

export async function migrateServer(call: Call, deps: ComputeDeps): Promise<void> {
  const handledAt = deps.clock.now();
  const { migrate } = call.body as { readonly migrate: { readonly host?: string | null } | null };
  const row = await admitAction(call, deps, {
    action: 'migrate',
    rule: RULE,
    from: { vm: ['active', 'stopped'] },
  });
  const wanted = atLeast(call.microversion, '2.56') ? (migrate?.host ?? null) : null;
  await requireOtherHost(deps, row, wanted);
  await beginMove(
    call,
    deps,
    row,
    { action: 'migrate', rule: RULE, exclude: [row.host ?? ''], requestedHost: wanted },
    handledAt,
  );
}
