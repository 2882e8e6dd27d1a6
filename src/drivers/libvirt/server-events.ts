// libvirt's domain events → ours. Used by real.ts after each connect.
import type { LibvirtClient } from '#platform/libvirt/client.ts';
import { LifecycleEvent } from '#platform/libvirt/constants.ts';
import type { ServerEvent } from './port.ts';

type Kind = Exclude<ServerEvent['kind'], 'resync'>;

/** virDomainEventStoppedDetailType */
const STOPPED_CRASHED = 2;
const STOPPED_MIGRATED = 3;
const STOPPED_SAVED = 4;

function kindOf(event: number, detail: number): Kind | undefined {
  switch (event) {
    case LifecycleEvent.started:
      return 'started';
    case LifecycleEvent.suspended:
    case LifecycleEvent.pmSuspended:
      return 'paused';
    case LifecycleEvent.resumed:
      return 'resumed';
    case LifecycleEvent.stopped:
      if (detail === STOPPED_SAVED) return 'suspended';
      if (detail === STOPPED_MIGRATED) return 'migrated';
      return detail === STOPPED_CRASHED ? 'crashed' : 'stopped';
    case LifecycleEvent.crashed:
      return 'crashed';
    default:
      // `shutdown` is followed by `stopped`; the rest concerns definitions, of which we have none.
      return undefined;
  }
}

export async function subscribe(client: LibvirtClient, emit: (event: ServerEvent) => void): Promise<void> {
  const devices = (event: { domain: { uuid: string } }): void =>
    emit({ kind: 'devices', serverId: event.domain.uuid });
  await Promise.all([
    client.onDomainEvent('lifecycle', ({ domain, event, detail }) => {
      const kind = kindOf(event, detail);
      if (kind !== undefined) emit({ kind, serverId: domain.uuid });
    }),
    client.onDomainEvent('reboot', ({ domain }) => emit({ kind: 'rebooted', serverId: domain.uuid })),
    client.onDomainEvent('deviceAdded', devices),
    client.onDomainEvent('deviceRemoved', devices),
    client.onDomainEvent('deviceRemovalFailed', devices),
  ]);
}
