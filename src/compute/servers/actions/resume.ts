// `resume`: brings a suspended server back.
import { simpleAction } from '../begin-action.ts';

export const resumeServer = simpleAction({
  action: 'resume',
  rule: 'os_compute_api:os-suspend-server:resume',
  from: { vm: ['suspended'] },
  task: 'resuming',
  message: (agent, ref) => agent.message('resumeServer', ref),
});
