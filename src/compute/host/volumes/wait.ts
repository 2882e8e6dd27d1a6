// Waits until a volume is as a hop wants it. A state, read again on every nudge and on a tick: a lost event delays nothing.
import { VOLUME_CHANGED_TOPIC, type Volume } from '#platform/clients/volume.ts';
import type { HostDeps } from '../deps.ts';

const TICK_MS = 500; // how late a volume can be seen whose event was lost

export interface VolumeWait {
  readonly signal: AbortSignal;
  /** Undefined: there is no such volume. */
  readonly holds: (volume: Volume | undefined) => boolean;
}

/** @returns the volume once it holds. @throws the signal's reason */
export async function waitForVolume(
  deps: Pick<HostDeps, 'bus' | 'volume' | 'serviceToken'>,
  volumeId: string,
  { signal, holds }: VolumeWait,
): Promise<Volume | undefined> {
  let nudged = false;
  let wake: () => void = () => undefined;
  const subscription = await deps.bus.subscribe(VOLUME_CHANGED_TOPIC, (payload) => {
    if ((payload as { id?: unknown }).id !== volumeId) return;
    nudged = true;
    wake();
  });
  try {
    for (;;) {
      nudged = false;
      const volume = await deps.volume.findVolume(await deps.serviceToken(), volumeId);
      if (holds(volume)) return volume;
      signal.throwIfAborted();
      if (nudged) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, TICK_MS);
        wake = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        signal.addEventListener('abort', wake, { once: true });
      });
    }
  } finally {
    await subscription.close();
  }
}
