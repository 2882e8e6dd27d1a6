// `os-getSPICEConsole`: would open a console, before 2.6. There is none of SPICE here.
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import { openConsole } from '#compute/consoles/open-console.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { strict } from '#compute/schema-types.ts';

export const getSpiceConsoleBody = Type.Object(
  { 'os-getSPICEConsole': Type.Object({ type: Type.Literal('spice-html5') }, strict) },
  strict,
);

export async function getSpiceConsole(call: Call, deps: ComputeDeps): Promise<unknown> {
  const body = call.body as { readonly 'os-getSPICEConsole': { readonly type: string } };
  const { type } = body['os-getSPICEConsole'];
  return { console: { type, url: await openConsole(call, deps, type) } };
}
