// Tells a volume's owner why something failed: a row of the messages API, in words without names of hosts.
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import type { VolumeTables } from '#volume/tables.ts';
import { insertMessage } from './store.ts';

/** Upstream's numbers of what was attempted and what went wrong: clients show them, scripts match them. */
export const ACTION_IDS = {
  'schedule-allocate-volume': '001',
  'attach-volume': '002',
  'copy-volume-to-image': '003',
  'update-attachment': '004',
  'copy-image-to-volume': '005',
  'unmanage-volume': '006',
  'extend-volume': '007',
  'create-volume-from-backend-storage': '008',
  'create-snapshot': '009',
  'delete-snapshot': '010',
  'update-snapshot': '011',
  'metadata-update': '012',
  'create-backup': '013',
  'delete-backup': '014',
  'restore-backup': '015',
  'reimage-volume': '016',
} as const;

export const DETAIL_IDS = {
  unknown: '001',
  'driver-not-initialized': '002',
  'no-backend-available': '003',
  'failed-to-upload-volume': '004',
  'volume-attach-mode-invalid': '005',
  'quota-exceeded': '006',
  'not-enough-space-for-image': '007',
  'unmanage-enc-not-supported': '008',
  'notify-compute-service-failed': '009',
  'signature-verification-failed': '011',
  'driver-failed-extend': '012',
  'driver-failed-create-snapshot': '014',
  'image-format-unacceptable': '027',
} as const;

export interface OwnerMessage {
  readonly projectId: string;
  readonly requestId: string;
  readonly resourceType: 'VOLUME' | 'VOLUME_SNAPSHOT' | 'VOLUME_BACKUP';
  readonly resourceId: string;
  readonly action: keyof typeof ACTION_IDS;
  readonly detail: keyof typeof DETAIL_IDS;
  /** A sentence for the owner. */
  readonly text: string;
}

export async function tellOwner(
  trx: Executor<VolumeTables>,
  { clock, config }: Pick<VolumeDeps, 'clock' | 'config'>,
  message: OwnerMessage,
): Promise<void> {
  const now = clock.now();
  const actionId = ACTION_IDS[message.action];
  const detailId = DETAIL_IDS[message.detail];
  await insertMessage(trx, {
    id: crypto.randomUUID(),
    project_id: message.projectId,
    request_id: message.requestId,
    event_id: `VOLUME_${message.resourceType}_${actionId}_${detailId}`,
    resource_type: message.resourceType,
    resource_id: message.resourceId,
    message_level: 'ERROR',
    user_message: message.text,
    detail_id: detailId,
    action_id: actionId,
    created_at: new Date(now).toISOString(),
    guaranteed_until: new Date(now + config.messageTtlMs).toISOString(),
  });
}
