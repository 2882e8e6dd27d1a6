// `trigger_crash_dump`: the guest gets a non-maskable interrupt, on which a guest that is set up for it dumps its memory.
import { Type } from 'typebox';
import { strict } from '#compute/schema-types.ts';
import { simpleAction } from '../begin-action.ts';

export const triggerCrashDumpBody = Type.Object({ trigger_crash_dump: Type.Null() }, strict);

/** The server stays what it is: there is no task. */
export const triggerCrashDump = simpleAction({
  action: 'trigger_crash_dump',
  rule: 'os_compute_api:servers:trigger_crash_dump',
  from: { vm: ['active', 'paused', 'rescued', 'resized', 'error'] },
  message: (agent, ref) => agent.message('triggerCrashDump', ref),
});
