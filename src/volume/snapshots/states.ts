// The statuses that administrators and services may set. Pure.
import { InvalidInput } from '#volume/errors.ts';
import type { SnapshotRow } from '#volume/tables.ts';

const RESETTABLE: ReadonlyArray<SnapshotRow['status']> = [
  'available',
  'creating',
  'deleting',
  'error',
  'error_deleting',
];

/** @throws InvalidInput for a status that can't be set */
export function settableStatus(status: string): SnapshotRow['status'] {
  const found = RESETTABLE.find((each) => each === status.toLowerCase());
  if (!found)
    throw new InvalidInput(
      `A snapshot's status can't be set to ${status}: it is one of ${RESETTABLE.join(', ')}.`,
    );
  return found;
}
