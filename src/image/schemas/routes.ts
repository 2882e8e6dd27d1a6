// The schemas of the API's documents.
import type { Route } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { METADEF_SCHEMAS } from '../metadefs/documents.ts';
import {
  IMAGE_SCHEMA,
  IMAGES_SCHEMA,
  MEMBER_SCHEMA,
  MEMBERS_SCHEMA,
  TASK_SCHEMA,
  TASKS_SCHEMA,
} from './documents.ts';

const DOCUMENTS = {
  image: IMAGE_SCHEMA,
  images: IMAGES_SCHEMA,
  member: MEMBER_SCHEMA,
  members: MEMBERS_SCHEMA,
  task: TASK_SCHEMA,
  tasks: TASKS_SCHEMA,
  ...Object.fromEntries(
    Object.entries(METADEF_SCHEMAS).map(([name, document]) => [`metadefs/${name}`, document]),
  ),
};

export const schemaRoutes: readonly Route<ImageDeps>[] = Object.entries(DOCUMENTS).map(
  ([name, document]) => ({
    method: 'GET',
    path: `/v2/schemas/${name}`,
    handler: async () => document,
  }),
);
