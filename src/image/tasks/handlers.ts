// Tasks: what is imported now and what became of it. Making one by itself is the older way to import, for administrators.
import { randomUUID } from 'node:crypto';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { Forbidden, Invalid, TaskNotFound } from '../errors.ts';
import { checkWebUri } from '../import/begin.ts';
import { findVisible } from '../images/find.ts';
import { newImage } from '../images/handlers.ts';
import { insertImage } from '../images/store.ts';
import { requireQuota } from '../quotas/quotas.ts';
import type { ImageTaskRow } from '../tables.ts';
import { newTask } from './new-task.ts';
import type { CreateTaskBody } from './schema.ts';
import { findTask, insertTask, listTasks, listTasksOf, TASK_SORT_COLUMNS, type TaskQuery } from './store.ts';
import { taskBrief, taskView } from './view.ts';

export async function listImageTasks(call: Call, deps: ImageDeps): Promise<unknown> {
  const { image, mutable } = await findVisible(call, deps, 'get_image');
  // They tell where the data came from: not for everyone who may use the image.
  if (!mutable) throw new Forbidden(`Image ${image.id} belongs to another project: its tasks are not shown.`);
  return { tasks: (await listTasksOf(deps.db.kysely, image.id)).map(taskView) };
}

export async function listAllTasks(call: Call, deps: ImageDeps): Promise<unknown> {
  const query = await queryOf(call, deps);
  const rows = query.limit === 0 ? [] : await listTasks(deps.db.kysely, query);
  const last = rows.at(-1);
  return {
    tasks: rows.map(taskBrief),
    first: linkTo(call.query),
    ...(last && rows.length === query.limit ? { next: linkTo(call.query, last.id) } : {}),
    schema: '/v2/schemas/tasks',
  };
}

function linkTo(query: URLSearchParams, marker?: string): string {
  const params = new URLSearchParams(query);
  params.delete('marker');
  if (marker !== undefined) params.set('marker', marker);
  return params.size === 0 ? '/v2/tasks' : `/v2/tasks?${params}`;
}

const KNOWN_VALUES: Readonly<Record<string, readonly string[]>> = {
  type: ['import', 'api_image_import', 'location_import'],
  status: ['pending', 'processing', 'success', 'failure'],
};

async function queryOf({ query }: Call, { config, db }: ImageDeps): Promise<TaskQuery> {
  const limit = query.get('limit') ?? String(config.defaultLimit);
  if (!/^\d{1,15}$/.test(limit)) throw new Invalid('limit param must be a whole number from 0 on');
  const key = query.get('sort_key') ?? 'created_at';
  const column = TASK_SORT_COLUMNS.find((each) => each === key);
  const dir = query.get('sort_dir') ?? 'desc';
  if (!column || (dir !== 'asc' && dir !== 'desc')) throw new Invalid(`Invalid sort: ${key.slice(0, 50)}`);
  const marker = query.get('marker');
  const after = marker === null ? undefined : await findTask(db.kysely, marker.slice(0, 36));
  if (marker !== null && !after) throw new Invalid('Invalid marker: there is no such task');
  const filter = (name: 'type' | 'status' | 'owner'): Partial<TaskQuery> => {
    const value = query.get(name);
    if (value?.includes('\0')) throw new Invalid(`Invalid value for ${name}`);
    const known = KNOWN_VALUES[name];
    if (value !== null && known && !known.includes(value))
      throw new Invalid(`Invalid ${name} value: ${value.slice(0, 100)}`);
    return value === null ? {} : { [name]: value };
  };
  return {
    ...filter('type'),
    ...filter('status'),
    ...filter('owner'),
    ...(after ? { after } : {}),
    sort: { column, dir },
    limit: Math.min(Number(limit), config.maxLimit),
  };
}

export async function showTask(call: Call, deps: ImageDeps): Promise<unknown> {
  return taskView(await requireTask(call, deps));
}

async function requireTask(call: Call, deps: ImageDeps): Promise<ImageTaskRow> {
  const id = call.params['task'] ?? '';
  const task = /^[0-9a-fA-F-]{36}$/.test(id) ? await findTask(deps.db.kysely, id.toLowerCase()) : undefined;
  if (!task) throw new TaskNotFound(id.slice(0, 255));
  return task;
}

/** `import`: makes an image with the properties given and downloads its data. */
export async function createTask(call: Call, deps: ImageDeps): Promise<Reply> {
  const { input } = call.body as CreateTaskBody;
  checkWebUri(input.import_from, deps);
  const { image, tags } = newImage(call, deps, {
    container_format: 'bare',
    ...input.image_properties,
    disk_format: input.import_from_format,
  });
  const store = deps.stores.default.id;
  const staged = randomUUID();
  const task = newTask(call, deps, {
    type: 'import',
    imageId: image.id,
    input,
    plan: {
      method: 'web-download',
      uri: input.import_from,
      staged,
      targets: [{ store, name: randomUUID() }],
      mustSucceed: true,
    },
  });
  await deps.db.transaction(async (trx) => {
    const importing = { status: 'importing', upload_id: staged, import_task: task.id } as const;
    await requireQuota(deps, trx, 'image_count_total', image.owner, 1);
    await requireQuota(deps, trx, 'image_count_uploading', image.owner, 1);
    await insertImage(trx, { ...image, ...importing, importing_to: store, failed_import: '' }, tags);
    await insertTask(trx, { ...task, updated_at: isoTime(deps.clock) });
  });
  deps.imports.nudge();
  return new Reply(201, taskView(task), { location: `${call.baseUrl}/v2/tasks/${task.id}` });
}
