// Volumes of a cloud as a test uses them, through the API. Used by test/launch.
import type { CloudApi, Json } from './guest-cloud.ts';
import { until } from './until.ts';

export interface ShownVolume {
  readonly id: string;
  readonly status: string;
  readonly size: number;
  readonly [more: string]: unknown;
}

const VOLUME_MS = 60_000;

export class VolumesOf {
  readonly #api: CloudApi;
  readonly #path: string;

  constructor(api: CloudApi) {
    this.#api = api;
    this.#path = `/volume/v3/${api.projectId}`;
  }

  /** Waits until it can be used. `body` as the API takes it: `size`, `imageRef`, `snapshot_id` … */
  async make(body: Json): Promise<ShownVolume> {
    const { volume } = await this.#api.call<{ volume: ShownVolume }>('POST', `${this.#path}/volumes`, {
      volume: body,
    });
    return this.untilStatus(volume.id, 'available');
  }

  async show(id: string): Promise<ShownVolume> {
    return (await this.#api.call<{ volume: ShownVolume }>('GET', `${this.#path}/volumes/${id}`)).volume;
  }

  async untilStatus(id: string, status: string): Promise<ShownVolume> {
    return until(
      async () => {
        const volume = await this.show(id);
        if (volume.status.startsWith('error')) throw new Error(`volume ${id} is in ${volume.status}`);
        return volume.status === status ? volume : undefined;
      },
      { deadlineMs: VOLUME_MS, what: `volume ${id} to be ${status}` },
    );
  }

  async act(id: string, action: Json): Promise<void> {
    await this.#api.call('POST', `${this.#path}/volumes/${id}/action`, action);
  }

  async remove(id: string): Promise<void> {
    await this.#api.call('DELETE', `${this.#path}/volumes/${id}`);
    await this.#untilGone(`${this.#path}/volumes/${id}`);
  }

  async snapshot(volumeId: string): Promise<string> {
    const { snapshot } = await this.#api.call<{ snapshot: { id: string } }>(
      'POST',
      `${this.#path}/snapshots`,
      {
        snapshot: { volume_id: volumeId, force: true, name: 'snapshot' },
      },
    );
    const path = `${this.#path}/snapshots/${snapshot.id}`;
    await until(
      async () =>
        (await this.#api.call<{ snapshot: { status: string } }>('GET', path)).snapshot.status === 'available',
      { deadlineMs: VOLUME_MS, what: `snapshot ${snapshot.id}` },
    );
    return snapshot.id;
  }

  async removeSnapshot(id: string): Promise<void> {
    await this.#api.call('DELETE', `${this.#path}/snapshots/${id}`);
    await this.#untilGone(`${this.#path}/snapshots/${id}`);
  }

  async attach(serverId: string, volumeId: string): Promise<void> {
    await this.#api.call('POST', `/compute/v2.1/servers/${serverId}/os-volume_attachments`, {
      volumeAttachment: { volumeId },
    });
    await this.untilStatus(volumeId, 'in-use');
  }

  async detach(serverId: string, volumeId: string): Promise<void> {
    await this.#api.call('DELETE', `/compute/v2.1/servers/${serverId}/os-volume_attachments/${volumeId}`);
    await this.untilStatus(volumeId, 'available');
  }

  async #untilGone(path: string): Promise<void> {
    await until(async () => (await this.#api.try('GET', path)).status === 404, {
      deadlineMs: VOLUME_MS,
      what: `${path} to be gone`,
    });
  }
}
