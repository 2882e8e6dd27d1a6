// Members of an image: projects with which it is shared.
import type { Route } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import {
  addImageMember,
  deleteImageMember,
  listImageMembers,
  showImageMember,
  updateImageMember,
} from './handlers.ts';
import { addMemberBody, updateMemberBody } from './schema.ts';

export const memberRoutes: readonly Route<ImageDeps>[] = [
  { method: 'GET', path: '/v2/images/:image/members', handler: listImageMembers },
  {
    method: 'POST',
    path: '/v2/images/:image/members',
    handler: addImageMember,
    body: addMemberBody,
    errors: [409, 413],
  },
  { method: 'GET', path: '/v2/images/:image/members/:member', handler: showImageMember },
  {
    method: 'PUT',
    path: '/v2/images/:image/members/:member',
    handler: updateImageMember,
    body: updateMemberBody,
  },
  { method: 'DELETE', path: '/v2/images/:image/members/:member', handler: deleteImageMember, success: 204 },
];
