// Imports into an image.
import type { Route } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { importImage } from './begin.ts';
import { importBody } from './schema.ts';

export const importRoutes: readonly Route<ImageDeps>[] = [
  {
    method: 'POST',
    path: '/v2/images/:image/import',
    handler: importImage,
    body: importBody,
    success: 202,
    errors: [409, 413],
  },
];
