// A task as JSON. Pure.
import { clientTime } from '../images/view.ts';
import type { ImageTaskRow } from '../tables.ts';

/** As a list shows it. */
export function taskBrief(task: ImageTaskRow): Record<string, unknown> {
  return {
    id: task.id,
    type: task.type,
    status: task.status,
    owner: task.owner,
    created_at: clientTime(task.created_at),
    updated_at: clientTime(task.updated_at),
    ...(task.expires_at === null ? {} : { expires_at: clientTime(task.expires_at) }),
    self: `/v2/tasks/${task.id}`,
    schema: '/v2/schemas/task',
  };
}

export function taskView(task: ImageTaskRow): Record<string, unknown> {
  return {
    ...taskBrief(task),
    input: JSON.parse(task.input_json) as unknown,
    result: task.result_json === null ? null : (JSON.parse(task.result_json) as unknown),
    message: task.message,
    image_id: task.image_id,
    request_id: task.request_id,
    user_id: task.user_id,
  };
}
