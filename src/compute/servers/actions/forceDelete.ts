// `forceDelete`: deletes at once. Deletes are never deferred here, so it is what DELETE is, under its own policy.
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { startDelete } from '../handlers.ts';

export async function forceDelete(call: Call, deps: ComputeDeps): Promise<void> {
  await startDelete(call, deps, 'os_compute_api:os-deferred-delete:force');
}
