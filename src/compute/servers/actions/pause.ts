// `pause`: freezes a server in memory.
import { simpleAction } from '../begin-action.ts';

export const pauseServer = simpleAction({
  action: 'pause',
  rule: 'os_compute_api:os-pause-server:pause',
  from: { vm: ['active'] },
  task: 'pausing',
  message: (agent, ref) => agent.message('pauseServer', ref),
});
