// `os-getSerialConsole`: opens a console, before 2.6.
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import { openConsole } from '#compute/consoles/open-console.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { strict } from '#compute/schema-types.ts';

export const getSerialConsoleBody = Type.Object(
  { 'os-getSerialConsole': Type.Object({ type: Type.Union([Type.Literal('serial')]) }, strict) },
  strict,
);

export async function getSerialConsole(call: Call, deps: ComputeDeps): Promise<unknown> {
  const body = call.body as { readonly 'os-getSerialConsole': { readonly type: string } };
  const { type } = body['os-getSerialConsole'];
  return { console: { type, url: await openConsole(call, deps, type) } };
}
