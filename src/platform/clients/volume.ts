// The volume service as its peers use it. Every call carries the token of the user on whose behalf it is made; a service
// token beside it lets an expired one pass and what only services may do.
import { expectOk, refusal, type RestRequest, type Transport } from './transport.ts';

/**
 * Fanout topic of the bus on which the volume service says that a volume, a snapshot or an attachment changed. A nudge: the
 * state is asked for.
 */
export const VOLUME_CHANGED_TOPIC = 'volume.changed';

/** Peers speak this microversion; the service must offer it. */
const MICROVERSION = '3.54';
/** The first that has os-reimage. */
const REIMAGE_MICROVERSION = '3.68';

export interface VolumeAttachmentOfVolume {
  readonly id: string;
  readonly attachment_id: string;
  readonly server_id: string;
  readonly device: string | null;
}

export interface Volume {
  readonly id: string;
  readonly name: string | null;
  readonly status: string;
  /** GiB */
  readonly size: number;
  readonly bootable: 'true' | 'false';
  readonly multiattach: boolean;
  readonly encrypted: boolean;
  readonly volume_type: string | null;
  readonly availability_zone: string;
  readonly snapshot_id: string | null;
  readonly source_volid: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly volume_image_metadata?: Readonly<Record<string, string>>;
  readonly attachments: readonly VolumeAttachmentOfVolume[];
  readonly 'os-vol-host-attr:host'?: string | null;
}

export interface VolumeSnapshot {
  readonly id: string;
  readonly volume_id: string;
  readonly status: string;
  /** GiB */
  readonly size: number;
  readonly name: string | null;
}

export interface VolumeAttachment {
  readonly id: string;
  readonly status: 'reserved' | 'attaching' | 'attached' | 'detaching';
  readonly instance: string | null;
  readonly volume_id: string;
  readonly attach_mode: 'rw' | 'ro' | null;
  /** Empty while it is only reserved. Flat, as the API has it: `driver_volume_type` beside the data. */
  readonly connection_info: Readonly<Record<string, unknown>>;
}

export interface NewVolume {
  /** GiB; may be left out when a source says it. */
  readonly size?: number | null;
  readonly name?: string;
  readonly description?: string;
  readonly imageRef?: string;
  readonly snapshot_id?: string;
  readonly source_volid?: string;
  readonly volume_type?: string;
  readonly availability_zone?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** How a volume came to be where it is: hops `volume.request` and `volume.schedule` of the launch record. For services. */
export interface VolumeLaunchRecord {
  readonly backend: string | null;
  /** Backends in, out and why, with weights. */
  readonly selection: Readonly<Record<string, unknown>> | null;
  readonly bytes_copied: number | null;
  readonly steps: ReadonlyArray<Readonly<Record<string, unknown>>>;
  /** Why the volume is in error. */
  readonly fault: string | null;
  readonly simulated: boolean;
}

/** What opens an encrypted volume. Never in a record, a log or an answer. */
export interface EncryptionSecret {
  readonly encryption_key_id: string;
  readonly passphrase: string;
}

export interface VolumeClient {
  /** Undefined when there is none or the token may not see it. */
  findVolume(token: string, id: string, serviceToken?: string): Promise<Volume | undefined>;
  /** Volumes of the token's project, for a service's token of every project, that have this metadata. */
  listVolumes(
    token: string,
    filter: { readonly metadata: Readonly<Record<string, string>>; readonly allProjects?: boolean },
    serviceToken?: string,
  ): Promise<Volume[]>;
  createVolume(token: string, volume: NewVolume, serviceToken?: string): Promise<Volume>;
  /** Also when it is gone already. */
  deleteVolume(token: string, id: string, serviceToken?: string): Promise<void>;
  /** Also when it is gone already. */
  deleteSnapshot(token: string, id: string, serviceToken?: string): Promise<void>;
  findSnapshot(token: string, id: string, serviceToken?: string): Promise<VolumeSnapshot | undefined>;
  /** For a service's token: snapshots of every project that have this metadata. */
  listSnapshots(
    token: string,
    filter: { readonly metadata: Readonly<Record<string, string>> },
  ): Promise<VolumeSnapshot[]>;
  /** `force`: also of a volume in use. */
  createSnapshot(
    token: string,
    snapshot: {
      volume_id: string;
      name: string;
      description?: string;
      force: boolean;
      metadata?: Record<string, string>;
    },
    serviceToken?: string,
  ): Promise<VolumeSnapshot>;
  /** Reserves the volume for the server. @throws DomainError bad-request or conflict when it is not to be had */
  createAttachment(
    token: string,
    wanted: { volume_uuid: string; instance_uuid: string; mode?: 'rw' | 'ro' },
    serviceToken?: string,
  ): Promise<VolumeAttachment>;
  findAttachment(token: string, id: string, serviceToken?: string): Promise<VolumeAttachment | undefined>;
  listAttachments(
    token: string,
    filter: { volume_id?: string; instance_id?: string; all_tenants?: '1' },
    serviceToken?: string,
  ): Promise<VolumeAttachment[]>;
  /** Exports the volume to `connector`; the same answer when repeated. */
  updateAttachment(
    token: string,
    id: string,
    connector: Readonly<Record<string, unknown>>,
    serviceToken?: string,
  ): Promise<VolumeAttachment>;
  /** The guest has it: the volume is in use. */
  completeAttachment(token: string, id: string, serviceToken?: string): Promise<void>;
  /** Shows the volume as being detached, until the attachment is gone or `rollDetaching` takes it back. */
  beginDetaching(token: string, volumeId: string, serviceToken?: string): Promise<void>;
  rollDetaching(token: string, volumeId: string, serviceToken?: string): Promise<void>;
  /** Begins to write an image over a volume that is only reserved: it is `downloading` until that has ended. */
  reimageVolume(token: string, volumeId: string, imageId: string, serviceToken?: string): Promise<void>;
  /** Ends the export and the reservation. Also when it is gone already. */
  deleteAttachment(token: string, id: string, serviceToken?: string): Promise<void>;
  /** For services. */
  getLaunchRecord(token: string, volumeId: string): Promise<VolumeLaunchRecord>;
  /** For a service's token: of the encrypted volume that the attachment has exported. */
  getEncryptionSecret(token: string, attachmentId: string): Promise<EncryptionSecret>;
}

function request(
  method: RestRequest['method'],
  path: string,
  token: string,
  serviceToken: string | undefined,
  body?: unknown,
): RestRequest {
  return {
    method,
    path: `/v3${path}`,
    token,
    headers: { 'openstack-api-version': `volume ${MICROVERSION}` },
    ...(serviceToken === undefined ? {} : { serviceToken }),
    ...(body === undefined ? {} : { body }),
  };
}

const at = (collection: string, id: string): string => `/${collection}/${encodeURIComponent(id)}`;

/** As lists are narrowed by it. */
const pairsOf = (metadata: Readonly<Record<string, string>>): string =>
  `{${Object.entries(metadata)
    .map(([key, value]) => `'${key}': '${value}'`)
    .join(', ')}}`;

export function createVolumeClient(transport: Transport): VolumeClient {
  const find = async <T>(key: string, wanted: RestRequest): Promise<T | undefined> => {
    const answer = await transport.send(wanted);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw refusal('volume', answer);
    return (answer.body as Record<string, T>)[key];
  };
  const make = async <T>(key: string, wanted: RestRequest): Promise<T> =>
    ((await expectOk('volume', transport, wanted, [200, 201, 202])).body as Record<string, T>)[key]!; // of every answer
  const gone = async (wanted: RestRequest): Promise<void> => {
    await expectOk('volume', transport, wanted, [200, 202, 204, 404]);
  };
  const act = async (token: string, id: string, action: string, service?: string): Promise<void> => {
    const wanted = request('POST', `${at('volumes', id)}/action`, token, service, { [action]: {} });
    await expectOk('volume', transport, wanted, [200, 202, 204]);
  };
  return {
    findVolume: async (token, id, service) =>
      find('volume', request('GET', at('volumes', id), token, service)),
    listVolumes: async (token, { metadata, allProjects }, service) => {
      const query = new URLSearchParams({
        metadata: pairsOf(metadata),
        ...(allProjects ? { all_tenants: '1' } : {}),
      });
      return (await find('volumes', request('GET', `/volumes/detail?${query}`, token, service))) ?? [];
    },
    createVolume: async (token, volume, service) =>
      make('volume', request('POST', '/volumes', token, service, { volume })),
    deleteVolume: async (token, id, service) => gone(request('DELETE', at('volumes', id), token, service)),
    deleteSnapshot: async (token, id, service) =>
      gone(request('DELETE', at('snapshots', id), token, service)),
    findSnapshot: async (token, id, service) =>
      find('snapshot', request('GET', at('snapshots', id), token, service)),
    listSnapshots: async (token, { metadata }) => {
      const query = new URLSearchParams({ metadata: pairsOf(metadata), all_tenants: '1' });
      return (await find('snapshots', request('GET', `/snapshots/detail?${query}`, token, undefined))) ?? [];
    },
    createSnapshot: async (token, snapshot, service) =>
      make('snapshot', request('POST', '/snapshots', token, service, { snapshot })),
    createAttachment: async (token, attachment, service) =>
      make('attachment', request('POST', '/attachments', token, service, { attachment })),
    findAttachment: async (token, id, service) =>
      find('attachment', request('GET', at('attachments', id), token, service)),
    listAttachments: async (token, filter, service) =>
      (await find(
        'attachments',
        request('GET', `/attachments/detail?${new URLSearchParams(filter)}`, token, service),
      )) ?? [],
    updateAttachment: async (token, id, connector, service) =>
      make(
        'attachment',
        request('PUT', at('attachments', id), token, service, { attachment: { connector } }),
      ),
    completeAttachment: async (token, id, service) => {
      await expectOk(
        'volume',
        transport,
        request('POST', `${at('attachments', id)}/action`, token, service, { 'os-complete': {} }),
        [200, 202, 204],
      );
    },
    beginDetaching: async (token, id, service) => act(token, id, 'os-begin_detaching', service),
    rollDetaching: async (token, id, service) => act(token, id, 'os-roll_detaching', service),
    reimageVolume: async (token, id, image_id, service) => {
      const body = { 'os-reimage': { image_id, reimage_reserved: true } };
      const wanted = request('POST', `${at('volumes', id)}/action`, token, service, body);
      const headers = { 'openstack-api-version': `volume ${REIMAGE_MICROVERSION}` };
      await expectOk('volume', transport, { ...wanted, headers }, [202]);
    },
    deleteAttachment: async (token, id, service) =>
      gone(request('DELETE', at('attachments', id), token, service)),
    getLaunchRecord: async (token, volumeId) =>
      make('launch_record', request('GET', `${at('volumes', volumeId)}/launch-record`, token, undefined)),
    getEncryptionSecret: async (token, id) =>
      make(
        'encryption_secret',
        request('GET', `${at('attachments', id)}/encryption-secret`, token, undefined),
      ),
  };
}
