// `shelve`: the server is stopped and its root disk becomes an image; then, at once or later, it leaves its host.
import type { Call } from '#platform/http/api.ts';
import { listDevices } from '#compute/block-devices/store.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { admitAction, commitAction } from '../begin-action.ts';
import { tokenOf } from '../create/check-image.ts';
import { imageAttributes, snapshotDisk } from './createImage.ts';

const SPEC = {
  action: 'shelve',
  rule: 'os_compute_api:os-shelve:shelve',
  from: { vm: ['active', 'stopped', 'paused', 'suspended'] },
  task: 'shelving',
} as const;

export async function shelveServer(call: Call, deps: ComputeDeps): Promise<void> {
  const handledAt = deps.clock.now();
  const row = await admitAction(call, deps, SPEC);
  const devices = await listDevices(deps.db.kysely, row.id);
  const onVolume = devices.some((device) => device.boot_index === 0 && device.destination_type === 'volume');
  const offload = onVolume || deps.config.shelvedOffloadTime === 0;
  if (onVolume) {
    const message = { image_id: null, user_token: tokenOf(call), offload };
    const spec = { ...SPEC, deadlineMs: deps.config.fillDeadlineMs };
    await commitAction(
      call,
      deps,
      row,
      { ...spec, message: (agent, ref) => agent.message('shelveServer', { ...ref, ...message }) },
      handledAt,
    );
    return;
  }
  const attributes = imageAttributes(deps, row, { name: `${row.name}-shelved`.slice(0, 255) });
  await snapshotDisk(call, deps, row, attributes, handledAt, {
    ...SPEC,
    message: (agent, ref, wanted) => agent.message('shelveServer', { ...ref, ...wanted, offload }),
  });
}
