// `GET` and `PUT /simulation/behaviours`: what the simulated cloud does wrong, changed while it runs. Administrators only.
import type { FastifyInstance } from 'fastify';
import type { Authenticator } from '#platform/auth/principal.ts';
import type { Api, Call } from '#platform/http/api.ts';
import { mountApi } from '#platform/http/mount.ts';
import type { Log } from '#platform/log/log.ts';
import { Enforcer } from '#platform/policy/enforcer.ts';
import type { Behaviours } from './behaviours.ts';

const RULE = 'simulation:behaviours';

export async function mountBehaviours(
  app: FastifyInstance,
  authenticator: Authenticator,
  behaviours: Behaviours,
  log: Log,
): Promise<void> {
  const api: Api<Behaviours> = {
    name: 'simulation',
    prefix: '/simulation',
    deps: behaviours,
    enforcer: new Enforcer([
      { name: RULE, check: 'rule:context_is_admin', description: 'Make the simulated cloud misbehave.' },
    ]),
    renderFault: ({ status, message }) => ({ body: { error: { code: status, message } } }),
    routes: [
      { method: 'GET', path: '/behaviours', policy: RULE, handler: showBehaviours },
      { method: 'PUT', path: '/behaviours', policy: RULE, handler: replaceBehaviours },
    ],
  };
  await mountApi(app, api, { authenticator, log });
}

async function showBehaviours(_call: Call, behaviours: Behaviours): Promise<unknown> {
  return { simulated: true, behaviours: behaviours.list };
}

async function replaceBehaviours(call: Call, behaviours: Behaviours): Promise<unknown> {
  behaviours.replace((call.body as { behaviours?: unknown } | undefined)?.behaviours);
  return showBehaviours(call, behaviours);
}
