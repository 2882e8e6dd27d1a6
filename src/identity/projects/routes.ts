// `/v3/projects` and the tags of each. Rules are checked in the handlers, which know the project.
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import { createProject, listProjects, removeOneProject, showProject, updateOneProject } from './handlers.ts';
import { createProjectBody, replaceTagsBody, updateProjectBody } from './schema.ts';
import { addTag, checkTag, listTags, removeTag, removeTags, replaceTags } from './tags.ts';

export const projectRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: '/v3/projects', handler: listProjects },
  {
    method: 'POST',
    path: '/v3/projects',
    body: createProjectBody,
    handler: createProject,
    success: 201,
    errors: [409],
  },
  { method: 'GET', path: '/v3/projects/:id', handler: showProject },
  {
    method: 'PATCH',
    path: '/v3/projects/:id',
    body: updateProjectBody,
    handler: updateOneProject,
    errors: [409],
  },
  { method: 'DELETE', path: '/v3/projects/:id', handler: removeOneProject, success: 204 },
  { method: 'GET', path: '/v3/projects/:id/tags', handler: listTags },
  { method: 'PUT', path: '/v3/projects/:id/tags', body: replaceTagsBody, handler: replaceTags },
  { method: 'DELETE', path: '/v3/projects/:id/tags', handler: removeTags, success: 204 },
  { method: 'GET', path: '/v3/projects/:id/tags/:tag', handler: checkTag, success: 204 },
  { method: 'PUT', path: '/v3/projects/:id/tags/:tag', handler: addTag, success: 201 },
  { method: 'DELETE', path: '/v3/projects/:id/tags/:tag', handler: removeTag, success: 204 },
];
