// The backup store that a volume service uses: files below its data directory. Another store is chosen here.
import { join } from 'node:path';
import type { VolumeDeps } from '#volume/deps.ts';
import { createFileObjects } from './file-objects.ts';
import type { BackupObjects } from './port.ts';

export const backupObjectsOf = ({ dataDir }: Pick<VolumeDeps, 'dataDir'>): BackupObjects =>
  createFileObjects(join(dataDir, 'backups'));
