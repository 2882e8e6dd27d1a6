// `POST /servers/{id}/remote-consoles`: from 2.6 on the one way to open a console.
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { strict } from '#compute/schema-types.ts';
import { openConsole } from '#compute/consoles/open-console.ts';

const body = (protocols: readonly string[], types: readonly string[]) =>
  Type.Object(
    {
      remote_console: Type.Object(
        {
          protocol: Type.Union(protocols.map((each) => Type.Literal(each))),
          type: Type.Union(types.map((each) => Type.Literal(each))),
        },
        strict,
      ),
    },
    strict,
  );

const TYPES = ['novnc', 'xvpvnc', 'spice-html5', 'rdp-html5', 'serial'];

async function createRemoteConsole(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { remote_console } = call.body as { remote_console: { protocol: string; type: string } };
  const url = await openConsole(call, deps, remote_console.type);
  return { remote_console: { ...remote_console, url } };
}

export const remoteConsoleRoutes: readonly ComputeRoute[] = [
  {
    method: 'POST',
    path: '/v2.1/servers/:id/remote-consoles',
    handler: createRemoteConsole,
    since: '2.6',
    body: [
      { schema: body(['vnc', 'spice', 'serial', 'rdp'], TYPES) },
      { since: '2.8', schema: body(['vnc', 'spice', 'serial', 'rdp', 'mks'], [...TYPES, 'webmks']) },
    ],
    errors: [409],
  },
];
