// `shelveOffload`: a shelved server leaves its host now.
import { simpleAction } from '../begin-action.ts';

export const offloadServer = simpleAction({
  action: 'shelveOffload',
  rule: 'os_compute_api:os-shelve:shelve_offload',
  from: { vm: ['shelved'] },
  task: 'shelving_offloading',
  message: (agent, ref) => agent.message('offloadServer', ref),
});
