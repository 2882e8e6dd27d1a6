// `os-getVNCConsole`: opens a console, before 2.6.
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import { openConsole } from '#compute/consoles/open-console.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { strict } from '#compute/schema-types.ts';

export const getVncConsoleBody = Type.Object(
  {
    'os-getVNCConsole': Type.Object(
      { type: Type.Union([Type.Literal('novnc'), Type.Literal('xvpvnc')]) },
      strict,
    ),
  },
  strict,
);

export async function getVncConsole(call: Call, deps: ComputeDeps): Promise<unknown> {
  const body = call.body as { readonly 'os-getVNCConsole': { readonly type: string } };
  const { type } = body['os-getVNCConsole'];
  return { console: { type, url: await openConsole(call, deps, type) } };
}
