// `/v3/domains/{id}/config` and `/v3/domains/config`.
import { Type } from 'typebox';
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import { createConfig, removeConfig, showConfig, showDefault, updateConfig } from './handlers.ts';

const ALL = '/v3/domains/:id/config';
const PARTS = [ALL, `${ALL}/:group`, `${ALL}/:group/:option`];
const DEFAULTS = '/v3/domains/config';
const body = Type.Object({ config: Type.Optional(Type.Record(Type.String(), Type.Unknown())) });

/** What is asked of all parts is checked in the handler, which knows which of two rules it is. */
export const domainConfigRoutes: readonly Route<IdentityDeps>[] = [
  {
    method: 'PUT',
    path: ALL,
    policy: 'identity:create_domain_config',
    body,
    handler: createConfig,
    success: 201,
  },
  ...PARTS.flatMap((path): Route<IdentityDeps>[] => [
    { method: 'GET', path, handler: showConfig },
    { method: 'PATCH', path, policy: 'identity:update_domain_config', body, handler: updateConfig },
    {
      method: 'DELETE',
      path,
      policy: 'identity:delete_domain_config',
      handler: removeConfig,
      success: 204,
    },
  ]),
  ...[`${DEFAULTS}/default`, `${DEFAULTS}/:group/default`, `${DEFAULTS}/:group/:option/default`].map(
    (path): Route<IdentityDeps> => ({
      method: 'GET',
      path,
      policy: 'identity:get_domain_config_default',
      handler: showDefault,
    }),
  ),
];
