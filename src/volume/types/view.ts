// A volume type as the API shows it. Pure.
import type { Call } from '#platform/http/api.ts';
import type { VolumeType } from './store.ts';

/** Extra specs that tenants may see: what a type offers, not where its volumes lie. */
const FOR_TENANTS: ReadonlySet<string> = new Set([
  'RESKEY:availability_zones',
  'multiattach',
  'replication_enabled',
]);

export function visibleSpecs(call: Call, type: VolumeType): Record<string, string> {
  const all = call.allows('volume_extension:types_extra_specs:read_sensitive');
  return Object.fromEntries(Object.entries(type.extraSpecs).filter(([key]) => all || FOR_TENANTS.has(key)));
}

export function typeView(call: Call, type: VolumeType): Record<string, unknown> {
  return {
    ...changedTypeView(call, type),
    ...(call.allows('volume_extension:volume_type_access')
      ? { 'os-volume-type-access:is_public': type.is_public === 1 }
      : {}),
  };
}

/** As an update answers it. */
export function changedTypeView(call: Call, type: VolumeType): Record<string, unknown> {
  return {
    id: type.id,
    name: type.name,
    is_public: type.is_public === 1,
    description: type.description,
    ...(call.allows('volume_extension:access_types_extra_specs')
      ? { extra_specs: visibleSpecs(call, type) }
      : {}),
  };
}

/** As shows and lists have it: administrators see the QoS specs too. */
export function detailedTypeView(call: Call, type: VolumeType): Record<string, unknown> {
  return {
    ...typeView(call, type),
    ...(call.allows('volume_extension:access_types_qos_specs_id') ? { qos_specs_id: type.qos_specs_id } : {}),
  };
}
