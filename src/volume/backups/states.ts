// Which request a backup takes in which status. Pure.
import type { BackupRow } from '#volume/tables.ts';

export const RESETTABLE = ['available', 'error', 'error_deleting'] as const satisfies ReadonlyArray<
  BackupRow['status']
>;

/** What an ordinary delete takes; a forced one takes every status. */
export const DELETABLE: ReadonlyArray<BackupRow['status']> = ['available', 'error', 'error_deleting'];
