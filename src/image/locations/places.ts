// Which of an image's locations are in stores that are there, in the order of the configuration: the default first.
import { DomainError } from '#platform/errors/domain-error.ts';
import type { ImageDeps } from '../deps.ts';
import { Conflict } from '../errors.ts';
import type { DataRange, ImageStore } from '../store/port.ts';
import { NoSuchData } from '../store/port.ts';
import type { ImageLocationRow } from '../tables.ts';
import type { Readable } from 'node:stream';

export interface Place {
  readonly storeId: string;
  readonly name: string;
  readonly store: ImageStore;
}

export function placesOf({ stores }: Pick<ImageDeps, 'stores'>, rows: readonly ImageLocationRow[]): Place[] {
  const ordered = stores.all.toSorted((a, b) => Number(b.isDefault) - Number(a.isDefault));
  return ordered.flatMap(({ id, store }) =>
    rows.filter((row) => row.store === id).map(({ name }) => ({ storeId: id, name, store })),
  );
}

/** The data from the first place that has it. @throws DomainError unavailable when none does */
export async function openPlaces(
  imageId: string,
  places: readonly Place[],
  range?: DataRange,
): Promise<Readable> {
  for (const { store, name } of places) {
    try {
      return await store.get(name, range);
    } catch (error) {
      if (!(error instanceof NoSuchData)) throw error;
    }
  }
  throw new DomainError(
    'unavailable',
    'no-store',
    `The data of image ${imageId} is in no store that can be reached now.`,
  );
}

/** @throws Conflict while disks are clones of the data */
export async function requireUnused(imageId: string, places: readonly Place[]): Promise<void> {
  for (const { store, name } of places) {
    if (await store.isInUse(name))
      throw new Conflict(
        `Image ${imageId} could not be deleted because it is in use: disks were cloned from it.`,
        'data-in-use',
      );
  }
}

/** After its row is gone. What cannot go now is an orphan, which the sweep tries again. */
export async function discardData({ log }: Pick<ImageDeps, 'log'>, places: readonly Place[]): Promise<void> {
  for (const { store, storeId, name } of places) {
    await store
      .delete(name)
      .catch((error: unknown) =>
        log.warn({ store: storeId, name, err: error }, 'image data left to the sweep'),
      );
  }
}
