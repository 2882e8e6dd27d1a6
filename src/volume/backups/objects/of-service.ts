// The backup store that a volume service uses: files below its data directory, or another that it was
// given.
import { join } from 'node:path';
import type { VolumeDeps } from '#volume/deps.ts';
import { createFileObjects } from './file-objects.ts';
import type { BackupObjects } from './port.ts';

export const backupObjectsOf = ({
  dataDir,
  backupObjects,
}: Pick<VolumeDeps, 'dataDir' | 'backupObjects'>): BackupObjects =>
  backupObjects ?? createFileObjects(join(dataDir, 'backups'));
