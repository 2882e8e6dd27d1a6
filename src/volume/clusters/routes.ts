// `/clusters` (3.7): volume services of one backend on several hosts, which `volume.cluster` of config.yaml puts into one.
import { Type } from 'typebox';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeRoute } from '#volume/deps.ts';
import { ADMIN, rule } from '#volume/policies.ts';
import { requiredName } from '#volume/required-name.ts';
import { nameSchema, orNull, strict } from '#volume/schema-types.ts';
import { disable, enable, listBrief, listDetail, show } from './handlers.ts';

const UPDATE = 'clusters:update';

export const clusterPolicies: readonly PolicyRule[] = [
  rule('clusters:get_all', ADMIN, 'List clusters of volume services.'),
  rule('clusters:get', ADMIN, 'Show a cluster of volume services.'),
  rule(UPDATE, ADMIN, 'Switch a cluster of volume services on and off.'),
];

const named = { name: requiredName, binary: Type.Optional(orNull(nameSchema)) };
const enableBody = Type.Object(named, strict);
const disableBody = Type.Object({ ...named, disabled_reason: Type.Optional(orNull(nameSchema)) }, strict);

const since = '3.7';
const path = '/clusters';

export const clusterRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: listBrief, policy: 'clusters:get_all', since },
  { method: 'GET', path: `${path}/detail`, handler: listDetail, policy: 'clusters:get_all', since },
  { method: 'GET', path: `${path}/:id`, handler: show, policy: 'clusters:get', since },
  { method: 'PUT', path: `${path}/enable`, handler: enable, policy: UPDATE, body: enableBody, since },
  { method: 'PUT', path: `${path}/disable`, handler: disable, policy: UPDATE, body: disableBody, since },
];
