// What the network service says on the bus.
import type { Bus } from '#platform/bus/bus.ts';
import type { ResourceRef } from './northbound.ts';
import type { PortStatus } from './ports/status.ts';

export interface PortEvent {
  readonly port_id: string;
  readonly device_id: string;
  readonly status: PortStatus;
  readonly host: string | null;
}

/** `network.port.<id>`: the port's status may have changed. A nudge; whoever waits reads the port again. */
export async function publishPort(bus: Bus, event: PortEvent): Promise<void> {
  await bus.publish(`network.port.${event.port_id}`, event);
}

/** `network.changed`: these resources were changed or removed. A nudge for those who keep copies, such as compute's addresses. */
export async function publishChange(bus: Bus, refs: readonly ResourceRef[]): Promise<void> {
  await bus.publish('network.changed', { refs });
}
