// `unpause`: lets a paused server run on.
import { simpleAction } from '../begin-action.ts';

export const unpauseServer = simpleAction({
  action: 'unpause',
  rule: 'os_compute_api:os-pause-server:unpause',
  from: { vm: ['paused'] },
  task: 'unpausing',
  message: (agent, ref) => agent.message('unpauseServer', ref),
});
