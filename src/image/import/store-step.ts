// The step of an import that writes: the data into each store, one after another, each recorded before it begins.
import { DomainError } from '#platform/errors/domain-error.ts';
import { isoTime } from '#platform/context/clock.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { Readable } from 'node:stream';
import type { ImageDeps } from '../deps.ts';
import { Conflict, ImageGone } from '../errors.ts';
import { updateImage } from '../images/store.ts';
import { openPlaces, placesOf } from '../locations/places.ts';
import {
  findLocation,
  insertLocation,
  listLocationsOf,
  readyLocation,
  removeLocation,
} from '../locations/store.ts';
import { DataInUse, type ImageStore, type StoredData } from '../store/port.ts';
import type { ImportInput, ImportTarget } from './plan.ts';

/** Ids of stores. */
export interface StoreResult {
  readonly stored: readonly string[];
  readonly failed: readonly string[];
}

export interface StoreWait {
  readonly signal: AbortSignal;
  waitingFor(what: string | null): void;
}

/** @throws the failure of the last store when none took the data, of the first when all must */
export async function putIntoStores(
  deps: ImageDeps,
  input: ImportInput,
  data: StoredData,
  { signal, waitingFor }: StoreWait,
): Promise<StoreResult> {
  const stored: string[] = [];
  const failed: string[] = [];
  let failure: unknown;
  for (const [at, target] of input.plan.targets.entries()) {
    waitingFor(`store ${target.store}`);
    try {
      await putIntoStore(deps, input, target, data, signal);
      stored.push(target.store);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ImageGone || input.plan.mustSucceed) throw error;
      deps.log.warn(
        { image_id: input.imageId, store: target.store, err: error },
        'import into a store failed',
      );
      await removeTarget(deps, input.imageId, target);
      failed.push(target.store);
      failure = error;
    }
    const left = input.plan.targets.slice(at + 1).map(({ store }) => store);
    await showProgress(deps, input, left, failed);
  }
  waitingFor(null);
  if (stored.length === 0) throw failure;
  return { stored, failed };
}

async function showProgress(
  { db }: ImageDeps,
  { imageId, taskId }: ImportInput,
  left: readonly string[],
  failed: readonly string[],
): Promise<void> {
  const set = { importing_to: left.join(','), failed_import: failed.join(',') };
  if (!(await updateImage(db.kysely, imageId, { import_task: taskId }, set))) throw new ImageGone(imageId);
}

async function putIntoStore(
  deps: ImageDeps,
  input: ImportInput,
  target: ImportTarget,
  data: StoredData,
  signal: AbortSignal,
): Promise<void> {
  const { imageId } = input;
  const { store } = deps.stores.get(target.store);
  const known = await findLocation(deps.db.kysely, imageId, target.name);
  if (known?.state === 'ready') return; // done before a crash
  if (!known) await recordTarget(deps, input, target);
  await store.delete(target.name); // of an earlier try
  const source = await openSource(deps, input);
  try {
    await copy(store, source, target.name, { data, idleMs: deps.config.uploadIdleMs, signal });
  } finally {
    source.destroy();
  }
  if (!(await readyLocation(deps.db.kysely, imageId, target.name))) throw new ImageGone(imageId);
}

/** @throws Conflict when the store has the image already, ImageGone when there is none to record it of */
async function recordTarget(
  { db, clock }: ImageDeps,
  { imageId, taskId }: ImportInput,
  { store, name }: ImportTarget,
): Promise<void> {
  try {
    await db.transaction(async (trx) => {
      const when = { import_task: taskId };
      if (!(await updateImage(trx, imageId, when, { import_task: taskId }))) throw new ImageGone(imageId);
      await insertLocation(trx, {
        image_id: imageId,
        store,
        name,
        state: 'writing',
        created_at: isoTime(clock),
      });
    });
  } catch (error) {
    if (isUniqueViolation(error))
      throw new Conflict(`Store ${store} has data of image ${imageId} already.`, 'in-store');
    throw error;
  }
}

async function openSource(deps: ImageDeps, { imageId, plan }: ImportInput): Promise<Readable> {
  if (plan.staged !== null) return deps.staging.get(plan.staged);
  const own = new Set(plan.targets.map(({ name }) => name));
  const rows = await listLocationsOf(deps.db.kysely, imageId);
  return openPlaces(
    imageId,
    placesOf(
      deps,
      rows.filter((row) => !own.has(row.name)),
    ),
  );
}

async function copy(
  store: ImageStore,
  source: Readable,
  name: string,
  { data, idleMs, signal }: { data: StoredData; idleMs: number; signal: AbortSignal },
): Promise<void> {
  const { size } = data;
  const written = await store.put(source, { name, size, maxBytes: size, idleMs, signal });
  const same = written.size === size && written.md5 === data.md5 && written.sha512 === data.sha512;
  if (!same)
    throw new DomainError('unavailable', 'damaged-data', 'The data changed on its way into the store.');
}

export async function removeFromStores(deps: ImageDeps, { imageId, plan }: ImportInput): Promise<void> {
  for (const target of plan.targets) await removeTarget(deps, imageId, target);
}

/** The record first: what is left without one, the sweep removes. */
async function removeTarget(deps: ImageDeps, imageId: string, { store, name }: ImportTarget): Promise<void> {
  await removeLocation(deps.db.kysely, imageId, name);
  await deps.stores
    .find(store)
    ?.delete(name)
    .catch((error: unknown) => {
      if (!(error instanceof DataInUse)) throw error;
    });
}
