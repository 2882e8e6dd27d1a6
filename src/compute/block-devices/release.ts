// Frees the volumes of servers: their attachments end, and volumes that are not to outlive the server are deleted. Used by
// deletes on a host and without one, by launches that are given up, and by the loop behind all of them. May be repeated.
import type { Volume, VolumeClient } from '#platform/clients/volume.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { BlockDeviceRow } from '../tables.ts';

export interface ReleaseDeps {
  readonly volume: VolumeClient;
  /** Of a service that may act for any project. */
  readonly serviceToken: () => Promise<string>;
}

/**
 * Metadata of a volume that a launch makes, and of a snapshot for an image of a server: by it they are found when the maker died
 * before it could note the id.
 */
export const MADE_FOR = 'pileus:made-for';

export interface Released {
  readonly attachments: readonly string[];
  readonly deleted: readonly string[];
  /** Volumes that were to be deleted and are not, with the reason: they have snapshots, say. */
  readonly kept: ReadonlyArray<{ readonly volume_id: string; readonly why: string }>;
}

/** @param launched false: what the launch made goes too, for it never was anybody's */
export async function releaseVolumes(
  deps: ReleaseDeps,
  devices: readonly BlockDeviceRow[],
  launched: boolean,
): Promise<Released> {
  const volumes = devices.filter((device) => device.destination_type === 'volume');
  const results = await Promise.all(volumes.map(async (device) => releaseVolume(deps, device, launched)));
  return {
    attachments: results.flatMap((each) => each.attachments),
    deleted: results.flatMap((each) => each.deleted),
    kept: results.flatMap((each) => each.kept),
  };
}

async function releaseVolume(
  deps: ReleaseDeps,
  device: BlockDeviceRow,
  launched: boolean,
): Promise<Released> {
  const token = await deps.serviceToken();
  const id = device.volume_id ?? (await findMadeFor(deps, device.id));
  if (id === undefined) return { attachments: [], deleted: [], kept: [] };
  const attachments = await endAttachments(deps, device.instance_id, id);
  const goes = device.delete_on_termination === 1 || (device.source_type !== 'volume' && !launched);
  if (!goes) return { attachments, deleted: [], kept: [] };
  try {
    await deps.volume.deleteVolume(token, id);
    return { attachments, deleted: [id], kept: [] };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // While it is being made it can not be deleted: later.
    const volume = await deps.volume.findVolume(token, id);
    if (volume && ['creating', 'downloading', 'attaching', 'detaching'].includes(volume.status)) throw error;
    return { attachments, deleted: [], kept: [{ volume_id: id, why: error.message }] };
  }
}

/** Every attachment that the server has of the volume. */
export async function endAttachments(
  deps: ReleaseDeps,
  instanceId: string,
  volumeId: string,
): Promise<string[]> {
  const token = await deps.serviceToken();
  const found = await deps.volume.listAttachments(token, {
    volume_id: volumeId,
    instance_id: instanceId,
    all_tenants: '1',
  });
  for (const { id } of found) await deps.volume.deleteAttachment(token, id);
  return found.map(({ id }) => id);
}

/** Not one that an earlier attempt of the launch made and is being deleted since. */
export const isStaying = ({ status }: Pick<Volume, 'status'>): boolean => !status.endsWith('deleting');

/** The volume that a launch made for the disk and did not live to note. */
export async function findMadeFor(deps: ReleaseDeps, deviceId: string): Promise<string | undefined> {
  const token = await deps.serviceToken();
  const found = await deps.volume.listVolumes(token, {
    metadata: { [MADE_FOR]: deviceId },
    allProjects: true,
  });
  return found.find(isStaying)?.id;
}

function isRefusal(error: unknown): error is DomainError {
  return (
    error instanceof DomainError && ['bad-request', 'conflict', 'not-found', 'forbidden'].includes(error.kind)
  );
}
