// `reboot`: SOFT asks the guest to restart, HARD pulls the plug; HARD also mends a server that is stuck.
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { strict } from '#compute/schema-types.ts';
import { admitAction, commitAction, type ActionSpec } from '../begin-action.ts';

export const rebootBody = Type.Object(
  {
    reboot: Type.Object(
      {
        type: Type.Union(['SOFT', 'HARD', 'soft', 'hard', 'Soft', 'Hard'].map((each) => Type.Literal(each))),
      },
      strict,
    ),
  },
  strict,
);

const common = { action: 'reboot', rule: 'os_compute_api:servers:reboot' } as const;

const SOFT: ActionSpec = {
  ...common,
  from: { vm: ['active'] },
  task: 'rebooting',
  message: (agent, ref) => agent.message('rebootServer', { ...ref, type: 'SOFT' }),
};

const HARD: ActionSpec = {
  ...common,
  from: {
    vm: ['active', 'stopped', 'paused', 'suspended', 'error'],
    task: [
      null,
      'rebooting',
      'rebooting_hard',
      'reboot_started_hard',
      'pausing',
      'unpausing',
      'suspending',
      'resuming',
    ],
  },
  task: 'rebooting_hard',
  message: (agent, ref) => agent.message('rebootServer', { ...ref, type: 'HARD' }),
};

export async function rebootServer(call: Call, deps: ComputeDeps): Promise<void> {
  const handledAt = deps.clock.now();
  const { reboot } = call.body as { readonly reboot: { readonly type: string } };
  const spec = reboot.type.toUpperCase() === 'HARD' ? HARD : SOFT;
  const row = await admitAction(call, deps, spec);
  await commitAction(call, deps, row, spec, handledAt);
}
