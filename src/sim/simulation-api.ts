// The simulated cloud's own paths, for administrators: what it does wrong, changed while it runs, and what its models hold.
import type { FastifyInstance } from 'fastify';
import type { Authenticator } from '#platform/auth/principal.ts';
import type { Api, Call } from '#platform/http/api.ts';
import { mountApi } from '#platform/http/mount.ts';
import type { Log } from '#platform/log/log.ts';
import { Enforcer } from '#platform/policy/enforcer.ts';
import type { Behaviours } from './behaviours.ts';
import { readModels, type Models } from './models.ts';

const RULE = 'simulation:behaviours';
const WORLD_RULE = 'simulation:world';

export interface Simulation extends Models {
  readonly behaviours: Behaviours;
}

export async function mountSimulation(
  app: FastifyInstance,
  authenticator: Authenticator,
  simulation: Simulation,
  log: Log,
): Promise<void> {
  const api: Api<Simulation> = {
    name: 'simulation',
    prefix: '/simulation',
    deps: simulation,
    enforcer: new Enforcer([
      { name: RULE, check: 'rule:context_is_admin', description: 'Make the simulated cloud misbehave.' },
      { name: WORLD_RULE, check: 'rule:context_is_admin', description: 'See what the models hold.' },
    ]),
    renderFault: ({ status, message }) => ({ body: { error: { code: status, message } } }),
    routes: [
      { method: 'GET', path: '/behaviours', policy: RULE, handler: showBehaviours },
      { method: 'PUT', path: '/behaviours', policy: RULE, handler: replaceBehaviours },
      { method: 'GET', path: '/world', policy: WORLD_RULE, handler: async (_call, deps) => readModels(deps) },
    ],
  };
  await mountApi(app, api, { authenticator, log });
}

async function showBehaviours(_call: Call, { behaviours }: Simulation): Promise<unknown> {
  return { simulated: true, behaviours: behaviours.list };
}

async function replaceBehaviours(call: Call, simulation: Simulation): Promise<unknown> {
  simulation.behaviours.replace((call.body as { behaviours?: unknown } | undefined)?.behaviours);
  return showBehaviours(call, simulation);
}
