// `os-start`: powers a stopped server on.
import { simpleAction } from '../begin-action.ts';

export const startServer = simpleAction({
  action: 'start',
  rule: 'os_compute_api:servers:start',
  from: { vm: ['stopped'] },
  task: 'powering-on',
  message: (agent, ref) => agent.message('startServer', ref),
});
