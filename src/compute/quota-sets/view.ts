// Limits as the API shows them, for each microversion. Pure.
import { atLeast, type Microversion } from '#platform/microversion/microversion.ts';
import { QUOTA_RESOURCES, type QuotaName } from './resources.ts';

/** The names that `version` shows. */
export function shownNames(version: Microversion): QuotaName[] {
  return QUOTA_RESOURCES.filter((each) => {
    if (!('until' in each)) return true;
    return each.until === '2.35' ? !atLeast(version, '2.36') : !atLeast(version, '2.57');
  }).map((each) => each.name);
}

export function limitsView(
  limits: Readonly<Record<QuotaName, number>>,
  version: Microversion,
): Record<string, number> {
  return Object.fromEntries(shownNames(version).map((name) => [name, limits[name]]));
}

export function detailView(
  limits: Readonly<Record<QuotaName, number>>,
  used: Readonly<Partial<Record<QuotaName, number>>>,
  version: Microversion,
): Record<string, unknown> {
  return Object.fromEntries(
    shownNames(version).map((name) => [name, { limit: limits[name], in_use: used[name] ?? 0, reserved: 0 }]),
  );
}
