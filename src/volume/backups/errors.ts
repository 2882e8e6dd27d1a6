// Refusals about backups.
import { InvalidInput, ResourceNotFound } from '#volume/errors.ts';

export class BackupNotFound extends ResourceNotFound {
  constructor(id: string) {
    super('Backup', id);
  }
}

/** The backup is not in a state in which this can be done. Upstream answers 400. */
export class InvalidBackup extends InvalidInput {
  constructor(message: string) {
    super(`Invalid backup: ${message}`, 'invalid-backup');
  }
}
