// A volume service in memory behind its client, for tests of sagas: volumes, reservations and connections, with the refusals
// that matter. `leftovers` tells what a launch should not have left.
import type {
  EncryptionSecret,
  Volume,
  VolumeAttachment,
  VolumeClient,
  VolumeLaunchRecord,
} from '#platform/clients/volume.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { BlockDeviceRow } from '../../tables.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface ModelVolumes {
  readonly client: VolumeClient;
  readonly volumes: Map<string, Mutable<Volume>>;
  readonly attachments: Map<string, Mutable<VolumeAttachment>>;
  /** Every call fails while it is set. */
  away: boolean;
  /** Made volumes, and attachments that are more than reservations. */
  leftovers(): string[];
}

/** `devices`: their volumes and reservations exist, as the request that wanted them made them. */
export function createModelVolumes(devices: readonly BlockDeviceRow[] = []): ModelVolumes {
  const volumes = new Map<string, Mutable<Volume>>();
  const attachments = new Map<string, Mutable<VolumeAttachment>>();
  const given = new Set<string>();
  for (const { volume_id, volume_size, attachment_id, instance_id } of devices) {
    if (volume_id === null) continue;
    given.add(volume_id);
    volumes.set(volume_id, newVolume(volume_id, volume_size ?? 1, {}));
    if (attachment_id !== null)
      attachments.set(attachment_id, newAttachment(attachment_id, volume_id, instance_id));
  }
  const model: ModelVolumes = {
    client: undefined as unknown as VolumeClient, // set below: it reads the model
    volumes,
    attachments,
    away: false,
    leftovers: () => [
      ...[...volumes.keys()].filter((id) => !given.has(id)).map((id) => `volume ${id}`),
      ...[...attachments.values()]
        .filter((each) => each.status !== 'reserved')
        .map((each) => `attachment ${each.id} ${each.status}`),
    ],
  };
  return Object.assign(model, { client: refusing(model, clientOf(volumes, attachments)) });
}

function newVolume(id: string, size: number, metadata: Readonly<Record<string, string>>): Mutable<Volume> {
  return {
    id,
    name: '',
    status: 'available',
    size,
    bootable: 'true',
    multiattach: false,
    encrypted: false,
    volume_type: '__DEFAULT__',
    availability_zone: 'nova',
    snapshot_id: null,
    source_volid: null,
    metadata,
    attachments: [],
  };
}

function newAttachment(id: string, volume_id: string, instance: string): Mutable<VolumeAttachment> {
  return { id, status: 'reserved', instance, volume_id, attach_mode: 'rw', connection_info: {} };
}

function refusing(model: ModelVolumes, client: VolumeClient): VolumeClient {
  return new Proxy(client, {
    get: (target, name: keyof VolumeClient) => {
      const method = target[name] as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        if (model.away) throw new DomainError('unavailable', 'volume-503', 'the volume service is away');
        return method(...args);
      };
    },
  });
}

const secretOf = ({ volume_id }: VolumeAttachment): EncryptionSecret => ({
  encryption_key_id: volume_id,
  passphrase: 'opens it',
});

const RECORD: VolumeLaunchRecord = {
  backend: 'host-1@model#model',
  selection: {},
  bytes_copied: 0,
  steps: [],
  fault: null,
  simulated: true,
};

function clientOf(
  volumes: Map<string, Mutable<Volume>>,
  attachments: Map<string, Mutable<VolumeAttachment>>,
): VolumeClient {
  const attachment = (id: string): Mutable<VolumeAttachment> => {
    const found = attachments.get(id);
    if (!found) throw new DomainError('not-found', 'volume-404', `Attachment ${id} could not be found.`);
    return found;
  };
  const client: Partial<VolumeClient> = {
    findVolume: async (_token, id) => volumes.get(id),
    listVolumes: async (_token, { metadata }) =>
      [...volumes.values()].filter((each) =>
        Object.entries(metadata).every(([key, value]) => each.metadata[key] === value),
      ),
    createVolume: async (_token, wanted) => {
      const volume = newVolume(crypto.randomUUID(), wanted.size ?? 1, wanted.metadata ?? {});
      volumes.set(volume.id, volume);
      return volume;
    },
    deleteVolume: async (_token, id) => {
      if ([...attachments.values()].some((each) => each.volume_id === id))
        throw new DomainError('bad-request', 'volume-400', `Volume ${id} is in use.`);
      volumes.delete(id);
    },
    createAttachment: async (_token, { volume_uuid, instance_uuid }) => {
      const taken = [...attachments.values()].some(
        (each) => each.volume_id === volume_uuid && each.instance !== instance_uuid,
      );
      if (taken || !volumes.has(volume_uuid))
        throw new DomainError('bad-request', 'volume-400', `Volume ${volume_uuid} is not available.`);
      const made = newAttachment(crypto.randomUUID(), volume_uuid, instance_uuid);
      attachments.set(made.id, made);
      return made;
    },
    findAttachment: async (_token, id) => attachments.get(id),
    listAttachments: async (_token, filter) =>
      [...attachments.values()].filter(
        (each) =>
          (filter.volume_id === undefined || each.volume_id === filter.volume_id) &&
          (filter.instance_id === undefined || each.instance === filter.instance_id),
      ),
    updateAttachment: async (_token, id, { host }) => {
      const found = attachment(id);
      if (found.status === 'reserved') found.status = 'attaching';
      found.connection_info = {
        driver_volume_type: 'simulated',
        volume_id: found.volume_id,
        access_mode: 'rw',
        size: 2 ** 30,
        secret_of: host,
        encrypted: volumes.get(found.volume_id)?.encrypted ?? false,
      };
      return found;
    },
    completeAttachment: async (_token, id) => void (attachment(id).status = 'attached'),
    deleteAttachment: async (_token, id) => void attachments.delete(id),
    beginDetaching: async () => undefined,
    rollDetaching: async () => undefined,
    reimageVolume: async (_token, id, image_id) => {
      const held = [...attachments.values()].filter((each) => each.volume_id === id);
      const volume = volumes.get(id);
      if (!volume || held.some((each) => each.status !== 'reserved'))
        throw new DomainError('bad-request', 'volume-400', `Volume ${id} is in use.`);
      volume.volume_image_metadata = { image_id };
    },
    getEncryptionSecret: async (_token, id) => secretOf(attachment(id)),
    getLaunchRecord: async () => RECORD,
  };
  return client as VolumeClient;
}
