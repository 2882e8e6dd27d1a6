// Where a host keeps what belongs to an instance: one directory an instance, removed as a whole.
import { join } from 'node:path';
import type { HostConfig } from './config.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface InstancePaths {
  readonly dir: string;
  readonly disk: string;
  readonly configDrive: string;
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
    consoleLog: join(dir, 'console.log'),
    serialSocket: join(socketsDir(config), `${short}.s`),
    vncSocket: join(socketsDir(config), `${short}.v`),
  };
}
