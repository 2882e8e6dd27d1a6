// The data of an image.
import type { Route } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { downloadImageData } from './download.ts';
import { stageImageData } from './stage.ts';
import { uploadImageData } from './upload.ts';

export const imageDataRoutes: readonly Route<ImageDeps>[] = [
  { method: 'GET', path: '/v2/images/:image/file', handler: downloadImageData, errors: [416, 503] },
  {
    method: 'PUT',
    path: '/v2/images/:image/file',
    handler: uploadImageData,
    stream: true,
    success: 204,
    errors: [409, 410, 413, 415],
  },
  {
    method: 'PUT',
    path: '/v2/images/:image/stage',
    handler: stageImageData,
    stream: true,
    success: 204,
    errors: [409, 410, 413, 415],
  },
];
