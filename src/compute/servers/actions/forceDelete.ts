// `forceDelete`: deletes at once, also where a delete can be taken back for a while.
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { startDelete } from '../handlers.ts';

export async function forceDelete(call: Call, deps: ComputeDeps): Promise<void> {
  await startDelete(call, deps, 'os_compute_api:os-deferred-delete:force');
}
