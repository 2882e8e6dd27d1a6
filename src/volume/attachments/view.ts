// An attachment as the API shows it. Pure: whether the connection may be seen is passed in.
import { shownTimeOrNull } from '#volume/times.ts';
import type { ConnectionInfo } from '#drivers/volume/port.ts';
import type { AttachmentRow } from '#volume/tables.ts';

export function briefView(attachment: AttachmentRow): Record<string, unknown> {
  return {
    id: attachment.id,
    status: attachment.status,
    instance: attachment.instance_id,
    volume_id: attachment.volume_id,
  };
}

/** @param seesConnection hosts and services alone: how a backend is reached is nothing for tenants */
export function detailView(attachment: AttachmentRow, seesConnection: boolean): Record<string, unknown> {
  return {
    ...briefView(attachment),
    attached_at: shownTimeOrNull(attachment.attached_at) ?? '',
    detached_at: '',
    attach_mode: attachment.mode,
    connection_info: seesConnection ? connectionView(attachment) : {},
  };
}

/** As `connection_json` has it. */
export type KeptConnection = ConnectionInfo & { readonly encrypted?: boolean };

/** Flat: the protocol beside the data. Empty while it is only reserved. */
export function connectionView({ id, connection_json }: AttachmentRow): Record<string, unknown> {
  if (connection_json === null) return {};
  const { driver_volume_type, data, encrypted } = JSON.parse(connection_json) as KeptConnection;
  return { ...data, driver_volume_type, encrypted: encrypted === true, attachment_id: id };
}
