// `/traits` and `/resource_providers/{uuid}/traits`: qualities of providers.
import type { PlacementRoute } from '#placement/deps.ts';
import { Type } from 'typebox';
import {
  create,
  list,
  listOfProvider,
  remove,
  removeOfProvider,
  replaceOfProvider,
  show,
} from './handlers.ts';

const since = '1.6';
const ofProvider = '/resource_providers/:id/traits';
const body = Type.Object(
  {
    resource_provider_generation: Type.Integer({ minimum: 0 }),
    traits: Type.Array(Type.String({ pattern: '^[A-Z0-9_]+$', minLength: 1, maxLength: 255 }), {
      uniqueItems: true,
      maxItems: 1000,
    }),
  },
  { additionalProperties: false },
);

export const traitRoutes: readonly PlacementRoute[] = [
  { method: 'GET', path: '/traits', handler: list, policy: 'placement:traits:list', since },
  { method: 'GET', path: '/traits/:name', handler: show, policy: 'placement:traits:show', since },
  { method: 'PUT', path: '/traits/:name', handler: create, policy: 'placement:traits:update', since },
  {
    method: 'DELETE',
    path: '/traits/:name',
    handler: remove,
    policy: 'placement:traits:delete',
    since,
    errors: [409],
  },
  {
    method: 'GET',
    path: ofProvider,
    handler: listOfProvider,
    policy: 'placement:resource_providers:traits:list',
    since,
  },
  {
    method: 'PUT',
    path: ofProvider,
    handler: replaceOfProvider,
    policy: 'placement:resource_providers:traits:update',
    body,
    since,
    errors: [409],
  },
  {
    method: 'DELETE',
    path: ofProvider,
    handler: removeOfProvider,
    policy: 'placement:resource_providers:traits:delete',
    since,
    errors: [409],
  },
];
