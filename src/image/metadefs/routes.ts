// Metadata definitions: namespaces, and in them resource types, objects, properties and tags.
import type { Call, Route } from '#platform/http/api.ts';
import type { TSchema } from 'typebox';
import type { ImageDeps } from '../deps.ts';
import {
  createItem,
  createTags,
  deleteItem,
  deleteItems,
  listItemsOf,
  replaceItem,
  showItem,
} from './items.ts';
import {
  createNamespace,
  deleteNamespace,
  listNamespaces,
  replaceNamespace,
  showNamespace,
} from './namespaces.ts';
import { associateType, dissociateType, listNamespaceTypes, listResourceTypes } from './resource-types.ts';
import { associationBody, namespaceBody, objectBody, propertyBody, tagBody, tagsBody } from './schema.ts';
import type { ItemKind } from './tables.ts';

const ALL = '/v2/metadefs/namespaces';
const ONE = `${ALL}/:namespace`;
const errors = [409];

const namespaceRoutes: readonly Route<ImageDeps>[] = [
  { method: 'GET', path: ALL, handler: listNamespaces, policy: 'get_metadef_namespaces' },
  { method: 'POST', path: ALL, handler: createNamespace, body: namespaceBody, success: 201, errors },
  { method: 'GET', path: ONE, handler: showNamespace },
  { method: 'PUT', path: ONE, handler: replaceNamespace, body: namespaceBody, errors },
  { method: 'DELETE', path: ONE, handler: deleteNamespace, success: 204 },
];

const resourceTypeRoutes: readonly Route<ImageDeps>[] = [
  {
    method: 'GET',
    path: '/v2/metadefs/resource_types',
    handler: listResourceTypes,
    policy: 'list_metadef_resource_types',
  },
  { method: 'GET', path: `${ONE}/resource_types`, handler: listNamespaceTypes },
  {
    method: 'POST',
    path: `${ONE}/resource_types`,
    handler: associateType,
    body: associationBody,
    success: 201,
    errors,
  },
  { method: 'DELETE', path: `${ONE}/resource_types/:type`, handler: dissociateType, success: 204 },
];

interface ItemRules {
  readonly list: string;
  readonly show: string;
  readonly create: string;
  readonly replace: string;
  readonly remove: string;
  readonly removeAll: string;
}

type ItemHandler = (call: Call, deps: ImageDeps, kind: ItemKind, rule: string) => Promise<unknown>;

/** @param createAt below the collection, for what is named in the path */
function itemRoutes(
  kind: ItemKind,
  collection: string,
  body: TSchema,
  rules: ItemRules,
): readonly Route<ImageDeps>[] {
  const path = `${ONE}/${collection}`;
  const one = `${path}/:item`;
  const by = (handler: ItemHandler, rule: string) => async (call: Call, deps: ImageDeps) =>
    handler(call, deps, kind, rule);
  const create = { method: 'POST', handler: by(createItem, rules.create), success: 201, errors } as const;
  return [
    { method: 'GET', path, handler: by(listItemsOf, rules.list) },
    kind === 'tag' ? { ...create, path: one } : { ...create, path, body },
    { method: 'DELETE', path, handler: by(deleteItems, rules.removeAll), success: 204 },
    { method: 'GET', path: one, handler: by(showItem, rules.show) },
    { method: 'PUT', path: one, handler: by(replaceItem, rules.replace), body, errors },
    { method: 'DELETE', path: one, handler: by(deleteItem, rules.remove), success: 204 },
  ];
}

export const metadefRoutes: readonly Route<ImageDeps>[] = [
  ...namespaceRoutes,
  ...resourceTypeRoutes,
  ...itemRoutes('object', 'objects', objectBody, {
    list: 'get_metadef_objects',
    show: 'get_metadef_object',
    create: 'add_metadef_object',
    replace: 'modify_metadef_object',
    remove: 'delete_metadef_object',
    removeAll: 'delete_metadef_object',
  }),
  ...itemRoutes('property', 'properties', propertyBody, {
    list: 'get_metadef_properties',
    show: 'get_metadef_property',
    create: 'add_metadef_property',
    replace: 'modify_metadef_property',
    remove: 'remove_metadef_property',
    removeAll: 'remove_metadef_property',
  }),
  ...itemRoutes('tag', 'tags', tagBody, {
    list: 'get_metadef_tags',
    show: 'get_metadef_tag',
    create: 'add_metadef_tag',
    replace: 'modify_metadef_tag',
    remove: 'delete_metadef_tag',
    removeAll: 'delete_metadef_tags',
  }),
  { method: 'POST', path: `${ONE}/tags`, handler: createTags, body: tagsBody, success: 201, errors },
];
