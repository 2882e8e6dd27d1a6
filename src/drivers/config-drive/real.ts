// Writes config drives as files of this host. Called by the compute agent for each launch with a config drive: the
// image is made in this process, since starting genisoimage would cost more than all the rest.

import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';

import { buildIso9660 } from './iso9660.ts';
import type { ConfigDriveRequest, ConfigDriveWriter } from './port.ts';

/** The label by which guests find the drive. */
const label = 'config-2';

export function createConfigDriveWriter(): ConfigDriveWriter {
  return { write: writeConfigDrive, remove: removeConfigDrive };
}

async function writeConfigDrive({ target, files, modified }: ConfigDriveRequest): Promise<{ bytes: number }> {
  const image = buildIso9660({ label, files, modified });
  // Under another name first: a guest must never be started on half an image.
  const partial = `${target}.${randomUUID()}.partial`;
  try {
    await using file = await open(partial, 'wx', 0o600);
    await file.writeFile(image);
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return { bytes: image.length };
}

async function removeConfigDrive(target: string): Promise<void> {
  await rm(target, { force: true });
}
