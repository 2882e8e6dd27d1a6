// `restore`: brings back a soft-deleted server. Deletes are at once here, so there never is one.
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { findServer } from '../find-server.ts';
import { checkState } from '../states.ts';

export async function restoreServer(call: Call, deps: ComputeDeps): Promise<void> {
  const row = await findServer(call, deps, 'os_compute_api:os-deferred-delete:restore');
  checkState('restore', row, { vm: ['soft-delete'] });
}
