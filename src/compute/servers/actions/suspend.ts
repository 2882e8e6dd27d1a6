// `suspend`: writes a server's memory to disk and stops it.
import { simpleAction } from '../begin-action.ts';

export const suspendServer = simpleAction({
  action: 'suspend',
  rule: 'os_compute_api:os-suspend-server:suspend',
  from: { vm: ['active'] },
  task: 'suspending',
  message: (agent, ref) => agent.message('suspendServer', ref),
});
