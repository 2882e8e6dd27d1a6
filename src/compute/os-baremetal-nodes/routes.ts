// `/os-baremetal-nodes`: what compute told of the bare metal service until 2.35. There is none, which is how a cloud without
// one answers: 501 to who asks, and 400 to who would change it, which was never done here.
import type { ComputeRoute } from '#compute/deps.ts';
import { InvalidInput, NotOffered } from '#compute/errors.ts';

async function refuseLook(): Promise<never> {
  throw new NotOffered('There is no bare metal service in this cloud.');
}

async function refuseChange(): Promise<never> {
  throw new InvalidInput('Bare metal nodes are changed by their own service, not by compute.', 'baremetal');
}

const path = '/v2.1/os-baremetal-nodes';
const until = '2.35';
const rule = 'os_compute_api:os-baremetal-nodes';

export const baremetalRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: refuseLook, policy: `${rule}:list`, until, errors: [501] },
  { method: 'GET', path: `${path}/:id`, handler: refuseLook, policy: `${rule}:show`, until, errors: [501] },
  { method: 'POST', path, handler: refuseChange, until },
  { method: 'DELETE', path: `${path}/:id`, handler: refuseChange, until },
  { method: 'POST', path: `${path}/:id/action`, handler: refuseChange, until },
];
