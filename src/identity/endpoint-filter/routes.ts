// `/v3/OS-EP-FILTER`.
import type { Handler, Method, Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import {
  createGroup,
  createGroupBody,
  listGroups,
  removeGroup,
  showGroup,
  updateGroup,
  updateGroupBody,
} from './groups.ts';
import {
  addEndpoint,
  addGroup,
  checkEndpoint,
  listEndpointsOfGroup,
  listEndpointsOfProject,
  listGroupsOfProject,
  listProjectsOfEndpoint,
  listProjectsOfGroup,
  removeEndpointTie,
  removeGroupTie,
  showGroupTie,
} from './ties.ts';

const GROUPS = '/v3/OS-EP-FILTER/endpoint_groups';
const GROUP = `${GROUPS}/:group_id`;
const PROJECT = '/v3/OS-EP-FILTER/projects/:project_id';

function route(
  method: Method,
  path: string,
  rule: string,
  handler: Handler<IdentityDeps>,
  more: Partial<Route<IdentityDeps>> = {},
): Route<IdentityDeps> {
  return { method, path, policy: `identity:${rule}`, handler, ...more };
}

const ENDED = { success: 204 };
const ADDED = { success: 204, errors: [409] };

export const endpointFilterRoutes: readonly Route<IdentityDeps>[] = [
  route('GET', GROUPS, 'list_endpoint_groups', listGroups),
  route('POST', GROUPS, 'create_endpoint_group', createGroup, { body: createGroupBody, success: 201 }),
  route('GET', GROUP, 'get_endpoint_group', showGroup),
  route('PATCH', GROUP, 'update_endpoint_group', updateGroup, { body: updateGroupBody }),
  route('DELETE', GROUP, 'delete_endpoint_group', removeGroup, ENDED),
  route('GET', `${GROUP}/projects`, 'list_projects_associated_with_endpoint_group', listProjectsOfGroup),
  route('GET', `${GROUP}/endpoints`, 'list_endpoints_associated_with_endpoint_group', listEndpointsOfGroup),
  route('GET', `${GROUP}/projects/:project_id`, 'get_endpoint_group_in_project', showGroupTie),
  route('PUT', `${GROUP}/projects/:project_id`, 'add_endpoint_group_to_project', addGroup, ADDED),
  route(
    'DELETE',
    `${GROUP}/projects/:project_id`,
    'remove_endpoint_group_from_project',
    removeGroupTie,
    ENDED,
  ),
  route('GET', `${PROJECT}/endpoint_groups`, 'list_endpoint_groups_for_project', listGroupsOfProject),
  route('GET', `${PROJECT}/endpoints`, 'list_endpoints_for_project', listEndpointsOfProject),
  route('GET', `${PROJECT}/endpoints/:endpoint_id`, 'check_endpoint_in_project', checkEndpoint, ENDED),
  route('PUT', `${PROJECT}/endpoints/:endpoint_id`, 'add_endpoint_to_project', addEndpoint, ADDED),
  route(
    'DELETE',
    `${PROJECT}/endpoints/:endpoint_id`,
    'remove_endpoint_from_project',
    removeEndpointTie,
    ENDED,
  ),
  route(
    'GET',
    '/v3/OS-EP-FILTER/endpoints/:endpoint_id/projects',
    'list_projects_for_endpoint',
    listProjectsOfEndpoint,
  ),
];
