// A flavor as the API shows it, for each microversion. Pure.
import { linksOf } from '#compute/links.ts';
import type { FlavorRow } from './tables.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';

type Json = Record<string, unknown>;

export function briefFlavor(call: Call, row: FlavorRow): Json {
  return {
    id: row.flavor_id,
    name: row.name,
    links: linksOf(call, `flavors/${row.flavor_id}`),
    ...(atLeast(call.microversion, '2.55') ? { description: row.description } : {}),
  };
}

export function flavorView(call: Call, row: FlavorRow): Json {
  const specs =
    atLeast(call.microversion, '2.61') && call.allows('os_compute_api:os-flavor-extra-specs:index');
  return {
    ...briefFlavor(call, row),
    ram: row.ram,
    disk: row.disk,
    vcpus: row.vcpus,
    swap: row.swap === 0 && !atLeast(call.microversion, '2.75') ? '' : row.swap,
    'OS-FLV-EXT-DATA:ephemeral': row.ephemeral,
    'OS-FLV-DISABLED:disabled': row.disabled === 1,
    'os-flavor-access:is_public': row.is_public === 1,
    rxtx_factor: row.rxtx_factor,
    ...(specs ? { extra_specs: JSON.parse(row.extra_specs_json) as Json } : {}),
  };
}
