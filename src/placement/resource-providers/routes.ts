// `/resource_providers`: who has resources to give.
import type { PlacementRoute } from '#placement/deps.ts';
import { Type } from 'typebox';
import { create, list, remove, show, update } from './handlers.ts';

const path = '/resource_providers';
const strict = { additionalProperties: false } as const;
const name = Type.String({ minLength: 1, maxLength: 200 });
const uuid = Type.String({ pattern: '^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$' });
const parent = Type.Optional(Type.Union([uuid, Type.Null()]));

export const resourceProviderRoutes: readonly PlacementRoute[] = [
  { method: 'GET', path, handler: list, policy: 'placement:resource_providers:list' },
  {
    method: 'POST',
    path,
    handler: create,
    policy: 'placement:resource_providers:create',
    body: [
      { schema: Type.Object({ name, uuid: Type.Optional(uuid) }, strict) },
      {
        since: '1.14',
        schema: Type.Object({ name, uuid: Type.Optional(uuid), parent_provider_uuid: parent }, strict),
      },
    ],
    errors: [409],
  },
  { method: 'GET', path: `${path}/:id`, handler: show, policy: 'placement:resource_providers:show' },
  {
    method: 'PUT',
    path: `${path}/:id`,
    handler: update,
    policy: 'placement:resource_providers:update',
    body: [
      { schema: Type.Object({ name }, strict) },
      { since: '1.14', schema: Type.Object({ name, parent_provider_uuid: parent }, strict) },
    ],
    errors: [409],
  },
  {
    method: 'DELETE',
    path: `${path}/:id`,
    handler: remove,
    policy: 'placement:resource_providers:delete',
    errors: [409],
  },
];
