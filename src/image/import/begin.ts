// `POST /v2/images/{image}/import`: checks what can be checked at once, writes down what is to be done, and lets a task do it.
import { randomUUID } from 'node:crypto';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import type { ImportMethod } from '../config.ts';
import { Conflict, Invalid } from '../errors.ts';
import { findMutable, findVisible } from '../images/find.ts';
import { requireFormats } from '../images/states.ts';
import { updateImage } from '../images/store.ts';
import { listLocationsOf } from '../locations/store.ts';
import { insertTask } from '../tasks/store.ts';
import { newTask } from '../tasks/new-task.ts';
import { requireQuota } from '../quotas/quotas.ts';
import type { StoredData } from '../store/port.ts';
import type { ImageRow } from '../tables.ts';
import type { ImportPlan } from './plan.ts';
import type { ImportBody } from './schema.ts';
import { networks } from './web/address-rules.ts';
import { checkUri } from './web/check-uri.ts';

export async function importImage(call: Call, deps: ImageDeps): Promise<Reply> {
  const body = call.body as ImportBody;
  const method = methodOf(body.method.name, deps);
  const { image } =
    method === 'copy-image'
      ? await findVisible(call, deps, 'copy_image')
      : await findMutable(call, deps, 'modify_image');
  requireImportable(image, method);
  if (method === 'web-download') checkWebUri(body.method.uri, deps);
  const stores = await storesOf(call, deps, image, body, method);
  await requireLimits(deps, image, method, stores.length);
  if (stores.length === 0) {
    await showNothingToDo(deps, image);
    return new Reply(202);
  }
  await begin(call, deps, image, {
    method,
    ...(method === 'web-download' ? { uri: body.method.uri ?? '' } : {}),
    staged: stagedName(image, method),
    targets: stores.map((store) => ({ store, name: randomUUID() })),
    mustSucceed: body.all_stores_must_succeed ?? true,
  });
  return new Reply(202);
}

function methodOf(name: string, { config }: ImageDeps): ImportMethod {
  const method = config.importMethods.find((each) => each === name);
  if (!method) throw new Invalid(`Unknown import method name '${name}'.`, 'unknown-method');
  return method;
}

const FROM: Readonly<Record<ImportMethod, ImageRow['status']>> = {
  'glance-direct': 'uploading',
  'web-download': 'queued',
  'copy-image': 'active',
};

/** @throws Conflict */
function requireImportable(image: ImageRow, method: ImportMethod): void {
  if (image.import_task !== null)
    throw new Conflict(`Image ${image.id} has an import under way: wait for its end.`, 'import-under-way');
  if (image.status !== FROM[method]) {
    throw new Conflict(
      `Image ${image.id} is ${image.status}: the import method ${method} takes one that is ${FROM[method]}.`,
      'bad-status',
    );
  }
  if (method === 'glance-direct' && image.staged_json === null)
    throw new Conflict(`The data of image ${image.id} is still being staged.`, 'still-staging');
  requireFormats(image);
}

/** @throws Invalid */
export function checkWebUri(uri: string | undefined, { config: { webDownload } }: ImageDeps): void {
  if (uri === undefined) throw new Invalid('The import method web-download needs a uri.');
  checkUri(uri, { ports: webDownload.ports, allowed: networks(webDownload.insideNetworks) });
}

/** @throws TooLarge */
async function requireLimits(
  deps: ImageDeps,
  image: ImageRow,
  method: ImportMethod,
  copies: number,
): Promise<void> {
  const { db } = deps;
  const isNew = method !== 'glance-direct'; // what is staged counts as uploading already
  await requireQuota(deps, db.kysely, 'image_count_uploading', image.owner, isNew ? 1 : 0);
  const staged = image.staged_json === null ? undefined : (JSON.parse(image.staged_json) as StoredData);
  const size = image.size ?? staged?.size ?? 1; // of a download nothing is known yet: it must have room for something
  await requireQuota(deps, db.kysely, 'image_size_total', image.owner, size * copies);
  if (method === 'web-download') await requireQuota(deps, db.kysely, 'image_stage_total', image.owner, 1);
}

function stagedName(image: ImageRow, method: ImportMethod): string | null {
  return method === 'copy-image' ? null : method === 'web-download' ? randomUUID() : image.upload_id;
}

/** The stores to fill. @throws Invalid, Conflict for stores that are not there */
async function storesOf(
  call: Call,
  { stores, db }: ImageDeps,
  image: ImageRow,
  body: ImportBody,
  method: ImportMethod,
): Promise<string[]> {
  const header = call.headers['x-image-meta-store'];
  const named = body.stores ?? (typeof header === 'string' && header !== '' ? [header] : undefined);
  if (body.all_stores === true && body.stores)
    throw new Invalid(
      'The stores parameter and all_stores cannot be used together: all_stores means every store.',
    );
  const all = body.all_stores === true;
  const wanted = all ? stores.all.map(({ id }) => id) : (named ?? [stores.default.id]);
  const unknown = wanted.find((id) => !stores.find(id));
  if (unknown !== undefined) throw new Conflict(`There is no store ${unknown}.`, 'no-such-store');
  if (method !== 'copy-image') return [...new Set(wanted)];
  const present = new Set((await listLocationsOf(db.kysely, image.id)).map(({ store }) => store));
  const there = wanted.find((id) => present.has(id));
  if (there !== undefined && !all)
    throw new Invalid(`Image ${image.id} is in the store ${there} already.`, 'in-store');
  return [...new Set(wanted)].filter((id) => !present.has(id));
}

/** A copy to all stores of what is in all of them: clients wait until nothing is left to copy. */
async function showNothingToDo({ db }: ImageDeps, image: ImageRow): Promise<void> {
  await updateImage(db.kysely, image.id, { import_task: null }, { importing_to: '', failed_import: '' });
}

async function begin(call: Call, deps: ImageDeps, image: ImageRow, plan: ImportPlan): Promise<void> {
  const body = call.body as ImportBody;
  const stores = plan.targets.map(({ store }) => store);
  const task = newTask(call, deps, {
    type: 'api_image_import',
    imageId: image.id,
    input: { image_id: image.id, import_req: body, backend: stores },
    plan,
  });
  const begun = await deps.db.transaction(async (trx) => {
    const set = {
      import_task: task.id,
      importing_to: stores.join(','),
      failed_import: '',
      updated_at: isoTime(deps.clock),
      ...(plan.staged === null ? {} : { status: 'importing' as const, upload_id: plan.staged }),
    };
    if (!(await updateImage(trx, image.id, { status: image.status, import_task: null }, set))) return false;
    await insertTask(trx, task);
    return true;
  });
  if (!begun) throw new Conflict(`Image ${image.id} changed meanwhile: try again.`, 'changed-meanwhile');
  deps.imports.nudge();
}
