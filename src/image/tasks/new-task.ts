// A task's row as it begins.
import { randomUUID } from 'node:crypto';
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import type { ImportPlan } from '../import/plan.ts';
import type { ImageTaskRow } from '../tables.ts';

export interface TaskWish {
  readonly type: 'api_image_import' | 'import';
  readonly imageId: string;
  readonly input: unknown;
  readonly plan: ImportPlan;
}

export function newTask(call: Call, { clock }: ImageDeps, wish: TaskWish): ImageTaskRow {
  const now = isoTime(clock);
  return {
    id: randomUUID(),
    type: wish.type,
    status: 'pending',
    owner: call.principal.projectId ?? '',
    user_id: call.principal.userId,
    request_id: call.requestId,
    image_id: wish.imageId,
    input_json: JSON.stringify(wish.input),
    plan_json: JSON.stringify(wish.plan),
    result_json: null,
    message: '',
    lease: null,
    expires_at: null,
    created_at: now,
    updated_at: now,
  };
}
