// /v2.0/routers
import { sql } from 'kysely';
import { Crud } from '../rest/crud.ts';
import { TRUE } from '../rest/select.ts';
import { changeExtraRoutes } from './extra-routes.ts';
import { createRouter, removeRouter, updateRouter, viewRouters } from './handlers.ts';
import { addInterface, removeInterface } from './interfaces.ts';
import {
  createRouter as createSchema,
  extraRoutes,
  routerInterface,
  updateRouter as updateSchema,
} from './schema.ts';
import type { NetworkDeps } from '../rest/deps.ts';
import type { Route } from '#platform/http/api.ts';

export const routers = new Crud({
  name: 'router',
  plural: 'routers',
  path: '/v2.0/routers',
  table: 'routers',
  attributes: [
    'status',
    'external_gateway_info',
    'routes',
    'flavor_id',
    'availability_zone_hints',
    'availability_zones',
  ],
  columns: {
    name: { column: 'name', type: 'text' },
    admin_state_up: { column: 'admin_state_up', type: 'boolean' },
    distributed: { column: 'distributed', type: 'boolean' },
    ha: { column: 'ha', type: 'boolean' },
  },
  post: createSchema,
  put: updateSchema,
  quota: 'router',
  visible: (caller) => (caller.admin ? TRUE : sql`project_id = ${caller.projectId}`),
  view: viewRouters,
  create: createRouter,
  update: updateRouter,
  remove: removeRouter,
});

const errors = [409, 412];
export const routerRoutes: readonly Route<NetworkDeps>[] = [
  ...routers.routes(),
  {
    method: 'PUT',
    path: '/v2.0/routers/:id/add_router_interface',
    handler: addInterface(routers),
    body: routerInterface,
    errors,
  },
  {
    method: 'PUT',
    path: '/v2.0/routers/:id/remove_router_interface',
    handler: removeInterface(routers),
    body: routerInterface,
    errors,
  },
  {
    method: 'PUT',
    path: '/v2.0/routers/:id/add_extraroutes',
    handler: changeExtraRoutes(routers, 'add'),
    body: extraRoutes,
    errors,
  },
  {
    method: 'PUT',
    path: '/v2.0/routers/:id/remove_extraroutes',
    handler: changeExtraRoutes(routers, 'remove'),
    body: extraRoutes,
    errors,
  },
];
