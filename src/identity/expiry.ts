// When something that a user makes shall end: read from a body, kept with microseconds. Asked by application credentials
// and trusts.
import type { Clock } from '#platform/context/clock.ts';
import { Invalid } from './errors.ts';
import { tokenTime } from './tokens/provider.ts';

/** In UTC, whether it says so or not. @throws Invalid for what is no time, of another zone, or has passed */
export function expiryOf(text: string, clock: Clock, what: string): string {
  const time = Date.parse(text.endsWith('Z') ? text : `${text}Z`);
  if (Number.isNaN(time)) throw new Invalid(`Invalid input for field 'expires_at': ${text} is no time.`);
  if (time <= clock.now()) throw new Invalid(`The expiration of ${what} must lie in the future.`);
  const fraction = /\.(\d{1,6})/.exec(text)?.[1] ?? '';
  return tokenTime(time).replace(/\.\d+Z$/, `.${fraction.padEnd(6, '0')}Z`);
}
