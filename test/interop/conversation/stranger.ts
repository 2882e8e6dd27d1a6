// Somebody of another project: what is not theirs must look absent to them.
import type { Person, Step } from '../conversation.ts';

export const STRANGER: Person = {
  auth: {
    username: 'stranger',
    password: 'stranger-secret',
    project_name: 'stranger',
    user_domain_name: 'Default',
    project_domain_name: 'Default',
  },
};

export const strangerArrives: readonly Step[] = [
  { run: 'project create stranger', as: 'admin', has: { name: 'stranger' }, keep: { strangerProject: 'id' } },
  { run: 'user create --password stranger-secret stranger', as: 'admin', has: { name: 'stranger' } },
  { run: 'role add --user stranger --project stranger member', as: 'admin' },
];
