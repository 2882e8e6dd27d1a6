// Whether a trust still gives tokens; one that does not is as good as gone for all who ask.
import type { Clock } from '#platform/context/clock.ts';
import type { TrustRow } from '../database.ts';

export function isUsable(trust: TrustRow, clock: Clock): boolean {
  const { expires_at: end, remaining_uses: left } = trust;
  return (end === null || Date.parse(end) > clock.now()) && (left === null || left > 0);
}
