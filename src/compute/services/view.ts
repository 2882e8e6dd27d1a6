// A compute service as the API shows it, for each microversion. Pure.
import { microseconds } from '#compute/times.ts';
import { atLeast, type Microversion } from '#platform/microversion/microversion.ts';
import { isUp } from './states.ts';
import type { NumberedService } from './store.ts';

export function serviceView(
  service: NumberedService,
  context: { readonly zone: string; readonly now: number; readonly version: Microversion },
): Record<string, unknown> {
  return {
    id: atLeast(context.version, '2.53') ? service.id : service.number,
    binary: service.binary,
    host: service.host,
    zone: context.zone,
    status: service.disabled === 1 ? 'disabled' : 'enabled',
    state: isUp(service, context.now) ? 'up' : 'down',
    updated_at: microseconds(service.last_seen_at),
    disabled_reason: service.disabled_reason,
    ...(atLeast(context.version, '2.11') ? { forced_down: service.forced_down === 1 } : {}),
  };
}
