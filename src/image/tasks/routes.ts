// Tasks: all of them for administrators, those of an image for who sees it.
import type { Route } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { createTask, listAllTasks, listImageTasks, showTask } from './handlers.ts';
import { createTaskBody } from './schema.ts';

export const taskRoutes: readonly Route<ImageDeps>[] = [
  { method: 'GET', path: '/v2/images/:image/tasks', handler: listImageTasks },
  { method: 'GET', path: '/v2/tasks', handler: listAllTasks, policy: 'tasks_api_access' },
  {
    method: 'POST',
    path: '/v2/tasks',
    handler: createTask,
    policy: 'tasks_api_access',
    body: createTaskBody,
    success: 201,
    errors: [413],
  },
  { method: 'GET', path: '/v2/tasks/:task', handler: showTask, policy: 'tasks_api_access' },
];
