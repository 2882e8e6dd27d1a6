// A volume of a server as the API shows it. Pure.
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { BlockDeviceRow } from '#compute/tables.ts';

export function attachmentView(call: Call, device: BlockDeviceRow): Record<string, unknown> {
  const since = (version: `2.${number}`): boolean => atLeast(call.microversion, version);
  return {
    ...(since('2.89')
      ? { attachment_id: device.attachment_id, bdm_uuid: device.id }
      : { id: device.volume_id }),
    serverId: device.instance_id,
    volumeId: device.volume_id,
    device: device.device_name,
    ...(since('2.70') ? { tag: device.tag } : {}),
    ...(since('2.79') ? { delete_on_termination: device.delete_on_termination === 1 } : {}),
  };
}
