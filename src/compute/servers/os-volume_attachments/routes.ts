// `/servers/{id}/os-volume_attachments`: the server's volumes.
import type { ComputeRoute } from '#compute/deps.ts';
import { attachVolume, detachVolume, listAttachments, showAttachment, updateAttachment } from './handlers.ts';
import * as schema from './schema.ts';

const path = '/v2.1/servers/:id/os-volume_attachments';

export const volumeAttachmentRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: listAttachments },
  { method: 'POST', path, handler: attachVolume, body: schema.attachVolume, errors: [409, 503, 504] },
  { method: 'GET', path: `${path}/:volume`, handler: showAttachment },
  {
    method: 'PUT',
    path: `${path}/:volume`,
    handler: updateAttachment,
    body: schema.updateAttachment,
    success: 202,
    errors: [409, 503, 504],
  },
  {
    method: 'DELETE',
    path: `${path}/:volume`,
    handler: detachVolume,
    success: 202,
    errors: [409, 503, 504],
  },
];
