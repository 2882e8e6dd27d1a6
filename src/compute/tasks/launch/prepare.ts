// Hop `prepare`: the conductor reads the entry for the agent, which has no database, and publishes the new state.
import type { Step } from '#platform/saga/saga.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { HostDeps } from '../../host/deps.ts';
import type { LaunchMessage } from '../../rpc.ts';
import type { FlavorSnapshot } from '../../tables.ts';
import type { LaunchOutputs } from './hops.ts';

export function prepare(deps: HostDeps): Step<LaunchMessage, LaunchOutputs, 'prepare'> {
  return {
    name: 'prepare',
    needs: [],
    deadlineMs: 30_000,
    do: async ({ input, evidence }) => {
      const prepared = await deps.conductor.call('prepareLaunch', { ...input, host: deps.config.host });
      if (prepared.kind !== 'go')
        throw new DomainError('gone', 'launch-not-wanted', 'The server is being deleted.');
      const flavor = JSON.parse(prepared.entry.flavor_json) as FlavorSnapshot;
      evidence({
        queue: 'conductor',
        host: deps.config.host,
        flavor: { name: flavor.name, ram_mb: flavor.ram, vcpus: flavor.vcpus, disk_gb: flavor.disk },
        state: { from: 'scheduling', to: prepared.entry.task_state },
      });
      // The entry crosses into the log as an output: what is secret in it stays out.
      return { entry: { ...prepared.entry, admin_password: null, user_data: null } };
    },
    // Nothing to undo: it only reads and announces.
  };
}
