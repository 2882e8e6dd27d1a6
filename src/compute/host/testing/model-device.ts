// A disk of the model host's server, for tests: an existing volume unless `fields` say otherwise.
import type { BlockDeviceRow } from '../../tables.ts';
import { SERVER_ID } from './model-host.ts';

export const device = (fields: Partial<BlockDeviceRow> & Pick<BlockDeviceRow, 'id'>): BlockDeviceRow => ({
  instance_id: SERVER_ID,
  state: 'kept',
  source_type: 'volume',
  destination_type: 'volume',
  volume_id: null,
  snapshot_id: null,
  image_id: null,
  volume_size: 1,
  volume_type: null,
  boot_index: -1,
  delete_on_termination: 0,
  device_name: '/dev/vdb',
  tag: null,
  disk_bus: null,
  device_type: 'disk',
  guest_format: null,
  made: 0,
  multiattach: 0,
  attachment_id: null,
  connection_json: null,
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: null,
  ...fields,
});
