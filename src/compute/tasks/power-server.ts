// Power operations on the host: start, stop, reboot, pause, unpause, suspend, resume. One verb each, as in the API.
import { POWER_STATE, type Vif } from '../tables.ts';
import type { HostDeps } from '../host/deps.ts';
import { plugAll, powerOn } from '../host/power-on.ts';
import { completeVolumes, connectVolumes } from '../host/volumes/connect.ts';
import { withVolumeSecrets } from '../host/volumes/secrets.ts';
import { runOperation, type OperationResult } from '../host/run-operation.ts';
import type { ActionRef } from '../rpc.ts';

const ACTIVE: OperationResult = { vm_state: 'active', power_state: POWER_STATE.running };
const STOPPED: OperationResult = { vm_state: 'stopped', power_state: POWER_STATE.shutdown };

export async function startServer(deps: HostDeps, message: ActionRef): Promise<void> {
  await runOperation(deps, message, {
    step: 'guest.start',
    deadlineMs: deps.config.spawnDeadlineMs,
    do: async (entry) => {
      await powerOn(deps, entry, { anew: false });
      return ACTIVE;
    },
  });
}

export async function stopServer(deps: HostDeps, message: ActionRef): Promise<void> {
  const { shutdownGraceMs } = deps.config;
  await runOperation(deps, message, {
    step: 'guest.stop',
    deadlineMs: shutdownGraceMs + 30_000,
    do: async (entry, { evidence }) => {
      const { state } = await deps.hypervisor.serverState(entry.id);
      if (state !== 'absent')
        evidence({ ended_by: await deps.hypervisor.stopServer(entry.id, { graceMs: shutdownGraceMs }) });
      await deps.hypervisor.destroyServer(entry.id);
      return STOPPED;
    },
  });
}

export async function rebootServer(
  deps: HostDeps,
  message: ActionRef & { readonly type: 'SOFT' | 'HARD' },
): Promise<void> {
  const { shutdownGraceMs, spawnDeadlineMs } = deps.config;
  await runOperation(deps, message, {
    step: 'guest.reboot',
    deadlineMs: shutdownGraceMs + spawnDeadlineMs,
    do: async (entry, { evidence }) => {
      const { state } = await deps.hypervisor.serverState(entry.id);
      if (message.type === 'SOFT' && state === 'running') {
        evidence({ ended_by: await deps.hypervisor.stopServer(entry.id, { graceMs: shutdownGraceMs }) });
      }
      await powerOn(deps, entry, { anew: true });
      return ACTIVE;
    },
  });
}

export async function pauseServer(deps: HostDeps, message: ActionRef): Promise<void> {
  await runOperation(deps, message, {
    step: 'guest.pause',
    deadlineMs: 30_000,
    do: async (entry) => {
      await deps.hypervisor.pauseServer(entry.id);
      return { vm_state: 'paused', power_state: POWER_STATE.paused };
    },
  });
}

export async function unpauseServer(deps: HostDeps, message: ActionRef): Promise<void> {
  await runOperation(deps, message, {
    step: 'guest.unpause',
    deadlineMs: 30_000,
    do: async (entry) => {
      await deps.hypervisor.resumeServer(entry.id);
      return ACTIVE;
    },
  });
}

export async function suspendServer(deps: HostDeps, message: ActionRef): Promise<void> {
  await runOperation(deps, message, {
    step: 'guest.suspend',
    deadlineMs: 300_000, // the guest's memory is written to disk
    do: async (entry) => {
      const { state } = await deps.hypervisor.serverState(entry.id);
      if (state !== 'suspended') await deps.hypervisor.suspendServer(entry.id);
      return { vm_state: 'suspended', power_state: POWER_STATE.shutdown };
    },
  });
}

export async function resumeServer(deps: HostDeps, message: ActionRef): Promise<void> {
  await runOperation(deps, message, {
    step: 'guest.resume',
    deadlineMs: 300_000, // the guest's memory is read from disk
    do: async (entry) => {
      const { state } = await deps.hypervisor.serverState(entry.id);
      if (state === 'suspended') {
        await plugAll(deps, entry.id, JSON.parse(entry.vifs_json) as Vif[]); // the host may have been restarted since
        const devices = await connectVolumes(deps, entry);
        await completeVolumes(deps, devices);
        await withVolumeSecrets(deps, devices, async () => deps.hypervisor.resumeSuspendedServer(entry.id));
      } else {
        await powerOn(deps, entry, { anew: false });
      }
      return ACTIVE;
    },
  });
}

/** Once at least: a guest that is interrupted twice has dumped its memory, or has nothing to dump with. */
export async function triggerCrashDump(deps: HostDeps, message: ActionRef): Promise<void> {
  await runOperation(deps, message, {
    step: 'guest.interrupt',
    deadlineMs: 30_000,
    do: async (entry) => {
      await deps.hypervisor.interruptServer(entry.id);
      return { vm_state: entry.vm_state, power_state: entry.power_state as OperationResult['power_state'] };
    },
  });
}
