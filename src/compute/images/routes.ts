// `/images` through compute, until 2.35, and their metadata until 2.38: older clients wait here for a snapshot to end.
import { Type } from 'typebox';
import type { ComputeRoute } from '#compute/deps.ts';
import { metadataSchema, strict } from '#compute/schema-types.ts';
import {
  addMetadata,
  listAll,
  listDetailed,
  listMetadata,
  remove,
  removeItem,
  replaceMetadata,
  show,
  showItem,
  updateItem,
} from './handlers.ts';

const path = '/v2.1/images';
const metadata = `${path}/:id/metadata`;
const all = Type.Object({ metadata: metadataSchema }, strict);
const one = Type.Object({ meta: metadataSchema }, strict);
const until = '2.35';
const longer = '2.38';

export const imageProxyRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: listAll, until },
  { method: 'GET', path: `${path}/detail`, handler: listDetailed, until },
  { method: 'GET', path: `${path}/:id`, handler: show, until },
  { method: 'DELETE', path: `${path}/:id`, handler: remove, success: 204, errors: [409], until },
  { method: 'GET', path: metadata, handler: listMetadata, until: longer },
  { method: 'POST', path: metadata, handler: addMetadata, body: all, until: longer },
  { method: 'PUT', path: metadata, handler: replaceMetadata, body: all, until: longer },
  { method: 'GET', path: `${metadata}/:key`, handler: showItem, until: longer },
  { method: 'PUT', path: `${metadata}/:key`, handler: updateItem, body: one, until: longer },
  { method: 'DELETE', path: `${metadata}/:key`, handler: removeItem, success: 204, until: longer },
];
