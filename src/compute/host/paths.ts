// Where a host keeps what belongs to an instance: one directory an instance, removed as a whole.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostConfig } from './config.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface InstancePaths {
  readonly dir: string;
  readonly disk: string;
  readonly configDrive: string;
  /** The config drive while it is rescued. */
  readonly rescueDrive: string;
  readonly consoleLog: string;
  readonly serialSocket: string;
  readonly vncSocket: string;
}

export const socketsDir = (config: HostConfig): string => join(config.dataDir, 'run');
export const instancesDir = (config: HostConfig): string => join(config.dataDir, 'instances');

/** @throws RangeError for an id that is no UUID: it becomes a path. */
export function instancePaths(config: HostConfig, instanceId: string): InstancePaths {
  if (!UUID.test(instanceId)) throw new RangeError(`${JSON.stringify(instanceId)} is no instance id`);
  const dir = join(instancesDir(config), instanceId);
  // A socket's path may have 107 bytes: the id in 22 characters instead of 36.
  const short = Buffer.from(instanceId.replaceAll('-', ''), 'hex').toString('base64url');
  return {
    dir,
    disk: join(dir, 'disk'),
    configDrive: join(dir, 'disk.config'),
    rescueDrive: join(dir, 'disk.config.rescue'),
    consoleLog: join(dir, 'console.log'),
    serialSocket: join(socketsDir(config), `${short}.s`),
    vncSocket: join(socketsDir(config), `${short}.v`),
  };
}

/** What a host keeps of an instance that moves: the directory as it was, and the one that gave way when it was put back. */
export function movePaths(
  config: HostConfig,
  instanceId: string,
  migrationUuid: string,
): { readonly kept: string; readonly aside: string } {
  if (!UUID.test(migrationUuid)) throw new RangeError(`${JSON.stringify(migrationUuid)} is no migration id`);
  const kept = `${instancePaths(config, instanceId).dir}.${migrationUuid}`;
  return { kept, aside: `${kept}.aside` };
}

/** Of a directory's name that `movePaths` made: whose it is. */
export function moveOfDirectory(
  name: string,
): { readonly instanceId: string; readonly migrationUuid: string } | undefined {
  const [instanceId = '', migrationUuid = '', suffix = 'aside', ...more] = name.split('.');
  if (more.length > 0 || suffix !== 'aside' || !UUID.test(instanceId) || !UUID.test(migrationUuid))
    return undefined;
  return { instanceId, migrationUuid };
}

/** Whatever the host keeps of an instance on its disk. May be repeated. */
export async function removeInstanceFiles(config: HostConfig, instanceId: string): Promise<void> {
  const { dir, serialSocket, vncSocket } = instancePaths(config, instanceId);
  await rm(dir, { recursive: true, force: true });
  // QEMU leaves them behind when it is killed.
  for (const socket of [serialSocket, vncSocket]) await rm(socket, { force: true });
}

/** The instance that a socket in `socketsDir` is of. */
export function instanceOfSocket(name: string): string {
  const hex = Buffer.from(name.replace(/\.[sv]$/, ''), 'base64url').toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
