// `os-getRDPConsole`: would open a console, before 2.6. There is none of RDP here.
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import { openConsole } from '#compute/consoles/open-console.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { strict } from '#compute/schema-types.ts';

export const getRdpConsoleBody = Type.Object(
  { 'os-getRDPConsole': Type.Object({ type: Type.Literal('rdp-html5') }, strict) },
  strict,
);

export async function getRdpConsole(call: Call, deps: ComputeDeps): Promise<unknown> {
  const body = call.body as { readonly 'os-getRDPConsole': { readonly type: string } };
  const { type } = body['os-getRDPConsole'];
  return { console: { type, url: await openConsole(call, deps, type) } };
}
