// Encrypted volumes through the API, as tests make and read them: guests are played by what compute does, which asks for the
// secret of an attachment. Used by the tests beside keys.ts.
import assert from 'node:assert/strict';
import { openLuks } from '#drivers/volume-luks/volume.ts';
import type { BlockAccess, VolumeDriver } from '#drivers/volume/port.ts';
import { CALLERS, OTHER_PROJECT, principalOf } from './service-harness.ts';
import { until } from './until.ts';
import { startVolumes, untilStatus, type VolumeHarness } from './volume-harness.ts';

export const version = '3.70';
export const MARK = Buffer.from('what nobody else should read '.padEnd(4096, '.'));
export const backends = [{ name: 'a' }, { name: 'b' }];
/** Compute's service user is no administrator. */
const callers = { ...CALLERS, compute: principalOf('compute', ['service'], OTHER_PROJECT) };

export const start = async (options: Parameters<typeof startVolumes>[0] = {}): Promise<VolumeHarness> =>
  startVolumes({ backends, callers, ...options });

export type Json = Record<string, unknown>;

export async function ok(volumes: VolumeHarness, method: string, url: string, token: string, body?: Json) {
  const answer = await volumes.call(method, `/v3${url}`, { version, token, body });
  assert.ok(answer.status < 300, `${method} ${url}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

export async function typeNamed(volumes: VolumeHarness, name: string, encryption?: Json, specs: Json = {}) {
  const { volume_type } = await ok(volumes, 'POST', '/types', 'admin', {
    volume_type: { name, extra_specs: specs },
  });
  if (encryption) await ok(volumes, 'POST', `/types/${volume_type.id}/encryption`, 'admin', { encryption });
  return volume_type.id as string;
}

export const LUKS = {
  provider: 'luks',
  cipher: 'aes-xts-plain64',
  key_size: 256,
  control_location: 'front-end',
};

export async function types(volumes: VolumeHarness): Promise<void> {
  await typeNamed(volumes, 'secret', LUKS);
  await typeNamed(volumes, 'secret-too', LUKS);
  await typeNamed(volumes, 'secret-128', { provider: 'luks', key_size: 128 });
  await typeNamed(volumes, 'plain');
}

export async function made(volumes: VolumeHarness, volume: Json, token = 'member'): Promise<string> {
  const { volume: begun } = await ok(volumes, 'POST', '/volumes', token, { volume });
  await untilStatus(volumes, `/v3/volumes/${begun.id}`, 'available', token);
  return begun.id;
}

export const shown = async (volumes: VolumeHarness, id: string, token = 'member') =>
  (await ok(volumes, 'GET', `/volumes/${id}`, token)).volume;

export const keyIds = async ({ service }: VolumeHarness): Promise<string[]> =>
  (await service.deps.db.kysely.selectFrom('encryption_keys').select('id').execute()).map(({ id }) => id);

/** As compute does it: an attachment for a host, then what opens the volume. */
export async function attached<T>(
  volumes: VolumeHarness,
  id: string,
  use: (secret: { encryption_key_id: string; passphrase: string }, attachmentId: string) => Promise<T>,
): Promise<T> {
  const { attachment } = await ok(volumes, 'POST', '/attachments', 'service', {
    attachment: { volume_uuid: id, connector: { host: 'h1' } },
  });
  assert.equal(attachment.connection_info.encrypted, true);
  assert.doesNotMatch(JSON.stringify(attachment), /passphrase/i);
  const { encryption_secret } = await ok(
    volumes,
    'GET',
    `/attachments/${attachment.id}/encryption-secret`,
    'service',
  );
  const result = await use(encryption_secret, attachment.id);
  await ok(volumes, 'DELETE', `/attachments/${attachment.id}`, 'service');
  return result;
}

export async function backendOf(volumes: VolumeHarness, id: string): Promise<VolumeDriver> {
  for (const driver of volumes.drivers.values())
    if ((await driver.list()).some(({ volumeId }) => volumeId === id)) return driver;
  throw new Error(`no backend has ${id}`);
}

/** Once nobody is connected. */
export async function open(volumes: VolumeHarness, id: string, mode: 'ro' | 'rw'): Promise<BlockAccess> {
  const driver = await backendOf(volumes, id);
  return until(async () => driver.open({ volumeId: id }, mode).catch(() => undefined), {
    deadlineMs: 30_000,
    what: `${id} to be let go of`,
    everyMs: 10,
  });
}

export async function inVolume<T>(
  volumes: VolumeHarness,
  id: string,
  use: (content: BlockAccess) => Promise<T>,
): Promise<T> {
  const passphrase = await attached(volumes, id, async (secret) => Buffer.from(secret.passphrase));
  await using content = await openLuks(await open(volumes, id, 'rw'), passphrase);
  return await use(content);
}

export const write = async (volumes: VolumeHarness, id: string): Promise<void> =>
  inVolume(volumes, id, async (content) => content.write(8192, MARK));
export const read = async (volumes: VolumeHarness, id: string): Promise<Buffer> =>
  inVolume(volumes, id, async (content) => content.read(8192, MARK.length));

export async function gone(volumes: VolumeHarness, url: string): Promise<void> {
  await ok(volumes, 'DELETE', url, 'member');
  await untilStatus(volumes, `/v3${url}`, 'gone');
}
