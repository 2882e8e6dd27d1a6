// `unrescue`: a rescued server boots its own disk again, and the rescue disk goes.
import { simpleAction } from '../begin-action.ts';

export const unrescueServer = simpleAction({
  action: 'unrescue',
  rule: 'os_compute_api:os-unrescue',
  from: { vm: ['rescued'] },
  task: 'unrescuing',
  message: (agent, ref) => agent.message('unrescueServer', ref),
});
