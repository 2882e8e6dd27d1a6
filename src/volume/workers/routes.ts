// `/workers/cleanup` (3.24): ends what services have left unfinished.
import { Type } from 'typebox';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeRoute } from '#volume/deps.ts';
import { ADMIN, rule } from '#volume/policies.ts';
import { booleanSchema, orNull, strict, uuidSchema } from '#volume/schema-types.ts';
import { cleanUpWorkers } from './handlers.ts';

export const workerPolicies: readonly PolicyRule[] = [
  rule('workers:cleanup', ADMIN, 'End what services have left unfinished.'),
];

const hostname = Type.Optional(
  orNull(Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-._#@:/+]*$' })),
);

const body = Type.Object(
  {
    cluster_name: hostname,
    host: hostname,
    binary: Type.Optional(Type.Enum(['cinder-volume', 'cinder-scheduler'])),
    service_id: Type.Optional(
      orNull(Type.Union([Type.Integer({ minimum: 0 }), Type.String({ pattern: '^[0-9]*$', maxLength: 11 })])),
    ),
    is_up: Type.Optional(booleanSchema),
    disabled: Type.Optional(booleanSchema),
    resource_id: Type.Optional(orNull(uuidSchema)),
    resource_type: Type.Optional(orNull(Type.String({ maxLength: 40 }))),
  },
  strict,
);

export const workerRoutes: readonly VolumeRoute[] = [
  {
    method: 'POST',
    path: '/workers/cleanup',
    handler: cleanUpWorkers,
    policy: 'workers:cleanup',
    body,
    success: 202,
    since: '3.24',
  },
];
