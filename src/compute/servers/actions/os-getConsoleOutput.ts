// `os-getConsoleOutput`: the last lines of the serial console's log, asked of the server's host.
import { Type } from 'typebox';
import { rpcClient } from '#platform/bus/bus.ts';
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { NotReady } from '#compute/errors.ts';
import { strict } from '#compute/schema-types.ts';
import { agentQueue, type AgentRpc } from '#compute/rpc.ts';
import { findServer } from '../find-server.ts';

export const consoleOutputBody = Type.Object(
  {
    'os-getConsoleOutput': Type.Object(
      {
        length: Type.Optional(
          Type.Union([
            Type.Integer({ minimum: -1 }),
            Type.String({ pattern: String.raw`^(-1|\d{1,9})$` }),
            Type.Null(),
          ]),
        ),
      },
      strict,
    ),
  },
  strict,
);

export async function getConsoleOutput(call: Call, deps: ComputeDeps): Promise<unknown> {
  const row = await findServer(call, deps, 'os_compute_api:os-console-output');
  if (row.host === null) throw new NotReady(row.id);
  const body = call.body as { readonly 'os-getConsoleOutput': { readonly length?: number | string | null } };
  const { length } = body['os-getConsoleOutput'];
  const lines = length === undefined || length === null || Number(length) < 0 ? null : Number(length);
  return rpcClient<AgentRpc>(deps.bus, agentQueue(row.host)).call('getConsoleOutput', {
    instance_id: row.id,
    lines,
  });
}
