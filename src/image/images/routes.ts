// Images: records of what can be booted. Their data is in `image-data`.
import type { Route } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { ImageNotFound } from '../errors.ts';
import { createImage, deactivateImage, deleteImage, reactivateImage, showImage } from './handlers.ts';
import { listImages } from './list.ts';
import { createImageBody } from './schema.ts';
import { updateImageByPatch } from './update.ts';

export const imageRoutes: readonly Route<ImageDeps>[] = [
  { method: 'GET', path: '/v2/images', handler: listImages, policy: 'get_images' },
  {
    method: 'POST',
    path: '/v2/images',
    handler: createImage,
    body: createImageBody,
    success: 201,
    errors: [409, 413],
  },
  {
    method: 'DELETE',
    path: '/v2/images',
    policy: 'delete_image',
    handler: async () => {
      throw new ImageNotFound(''); // `/v2/images/` names the image whose id is empty
    },
    success: 204,
  },
  { method: 'GET', path: '/v2/images/:image', handler: showImage },
  { method: 'PATCH', path: '/v2/images/:image', handler: updateImageByPatch, errors: [409, 413, 415] },
  { method: 'DELETE', path: '/v2/images/:image', handler: deleteImage, success: 204, errors: [409] },
  {
    method: 'POST',
    path: '/v2/images/:image/actions/deactivate',
    handler: deactivateImage,
    success: 204,
    errors: [409],
  },
  {
    method: 'POST',
    path: '/v2/images/:image/actions/reactivate',
    handler: reactivateImage,
    success: 204,
    errors: [409],
  },
];
