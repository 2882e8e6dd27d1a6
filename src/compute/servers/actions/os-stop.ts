// `os-stop`: powers a server off, asking the guest first.
import { simpleAction } from '../begin-action.ts';

export const stopServer = simpleAction({
  action: 'stop',
  rule: 'os_compute_api:servers:stop',
  from: { vm: ['active', 'error'] },
  task: 'powering-off',
  message: (agent, ref) => agent.message('stopServer', ref),
});
