// The import of an image: get the data whole, look at what it is, put it into the stores, make the image active. Every step
// may run again, and ends done or undone whatever dies in between. Run by runner.ts.
import type { Saga, Step } from '#platform/saga/saga.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { ImageDeps } from '../deps.ts';
import { Conflict, ImageGone } from '../errors.ts';
import { acceptData, type DataColumns } from '../image-data/accept.ts';
import { findImageRow, updateImage } from '../images/store.ts';
import type { StoredData } from '../store/port.ts';
import { requireQuota } from '../quotas/quotas.ts';
import type { ImageRow } from '../tables.ts';
import type { ImportInput } from './plan.ts';
import { putIntoStores, removeFromStores, type StoreResult } from './store-step.ts';
import { networks } from './web/address-rules.ts';
import { openWeb } from './web/download.ts';

export interface ImportOutputs {
  'import.fetch': StoredData;
  'import.check': DataColumns | null;
  'import.store': StoreResult;
  'import.activate': null;
}

const QUICK_MS = 60_000;

export function importSaga(deps: ImageDeps): Saga<ImportInput, ImportOutputs> {
  return {
    name: 'image import',
    steps: [fetchStep(deps), checkStep(deps), storeStep(deps), activateStep(deps)],
  };
}

/** @throws ImageGone when it was deleted, or belongs to another import */
export async function importedImage(deps: ImageDeps, { imageId, taskId }: ImportInput): Promise<ImageRow> {
  const image = await findImageRow(deps.db.kysely, imageId);
  if (image?.import_task !== taskId) throw new ImageGone(imageId);
  return image;
}

function fetchStep(deps: ImageDeps): Step<ImportInput, ImportOutputs, 'import.fetch'> {
  return {
    name: 'import.fetch',
    needs: [],
    deadlineMs: deps.config.importDeadlineMs,
    do: async ({ input, signal, waitingFor }) => {
      const image = await importedImage(deps, input);
      const { method, uri, staged } = input.plan;
      switch (method) {
        case 'copy-image':
          return { size: image.size ?? 0, md5: image.checksum ?? '', sha512: image.os_hash_value ?? '' };
        case 'glance-direct':
          return stagedData(deps, image, staged ?? '');
        case 'web-download':
          waitingFor('the download');
          return download(deps, image, { uri: uri ?? '', name: staged ?? '' }, signal);
      }
    },
    undo: async ({ input: { plan } }) => {
      if (plan.staged !== null) await deps.staging.delete(plan.staged);
    },
  };
}

async function stagedData({ staging }: ImageDeps, image: ImageRow, name: string): Promise<StoredData> {
  const data = image.staged_json === null ? undefined : (JSON.parse(image.staged_json) as StoredData);
  if (!data || (await staging.size(name)) !== data.size)
    throw new Conflict('The staged data is not there any more: stage it again.', 'staged-data-lost');
  return data;
}

async function download(
  deps: ImageDeps,
  image: ImageRow,
  { uri, name }: { readonly uri: string; readonly name: string },
  signal: AbortSignal,
): Promise<StoredData> {
  const { staging, config } = deps;
  const left = await requireQuota(deps, deps.db.kysely, 'image_stage_total', image.owner, 0);
  await staging.delete(name); // of an earlier try
  const { ports, insideNetworks, maxRedirects, answerMs } = config.webDownload;
  const options = { ports, allowed: networks(insideNetworks), maxRedirects, answerMs };
  const { stream, size } = await openWeb(uri, options, signal);
  try {
    return await staging.put(stream, {
      name,
      maxBytes: Math.min(config.maxImageBytes, left),
      idleMs: config.uploadIdleMs,
      signal,
      ...(size === undefined ? {} : { size }),
    });
  } finally {
    stream.destroy();
  }
}

function checkStep(deps: ImageDeps): Step<ImportInput, ImportOutputs, 'import.check'> {
  return {
    name: 'import.check',
    needs: ['import.fetch'],
    deadlineMs: QUICK_MS,
    do: async ({ input, outputs }) => {
      const { staged } = input.plan;
      if (staged === null) return null; // it was looked at when it came
      const image = await importedImage(deps, input);
      const data = outputs['import.fetch']!; // in `needs`
      const bytes = data.size * input.plan.targets.length;
      await requireQuota(deps, deps.db.kysely, 'image_size_total', image.owner, bytes);
      return acceptData(image, async (range) => deps.staging.get(staged, range), data);
    },
    // Nothing to undo: it only reads.
  };
}

function storeStep(deps: ImageDeps): Step<ImportInput, ImportOutputs, 'import.store'> {
  return {
    name: 'import.store',
    needs: ['import.check'],
    deadlineMs: deps.config.importDeadlineMs,
    do: async ({ input, outputs, signal, waitingFor }) => {
      const data = outputs['import.fetch']!; // needed by import.check
      return putIntoStores(deps, input, data, { signal, waitingFor });
    },
    undo: async ({ input }) => removeFromStores(deps, input),
  };
}

function activateStep(deps: ImageDeps): Step<ImportInput, ImportOutputs, 'import.activate'> {
  const { db, clock } = deps;
  return {
    name: 'import.activate',
    needs: ['import.store'],
    deadlineMs: QUICK_MS,
    do: async ({ input, outputs }) => {
      const columns = outputs['import.check'];
      if (!columns) return null; // the image is active as it was
      const when = { status: 'importing', import_task: input.taskId } as const;
      const set = { ...columns, status: 'active', upload_id: null, staged_json: null } as const;
      const done = await updateImage(db.kysely, input.imageId, when, { ...set, updated_at: isoTime(clock) });
      const now = done ? undefined : await importedImage(deps, input);
      if (now && now.status !== 'active') throw new ImageGone(input.imageId);
      return null;
    },
    undo: async ({ input: { plan, imageId, taskId } }) => {
      if (plan.staged === null) return;
      const when = { status: 'active', import_task: taskId } as const;
      await updateImage(db.kysely, imageId, when, {
        ...NO_DATA,
        status: 'importing',
        upload_id: plan.staged,
      });
    },
  };
}

const NO_DATA = {
  size: null,
  virtual_size: null,
  checksum: null,
  os_hash_algo: null,
  os_hash_value: null,
} as const;
