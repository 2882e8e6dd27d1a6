// What a port asks of the host that it is to be on, in the words of placement: `resource_request` of the extensions
// port-resource-request and port-resource-request-groups. Read by compute when it looks for a host. Pure.
import { createHash } from 'node:crypto';
import type { NetworkRow, PortRow, QosRuleRow } from '../tables.ts';

export interface ResourceRequest {
  readonly request_groups: ReadonlyArray<{
    readonly id: string;
    readonly required: readonly string[];
    readonly resources: Readonly<Record<string, number>>;
  }>;
  readonly same_subtree: readonly string[];
}

export const BANDWIDTH_CLASS = {
  egress: 'NET_BW_EGR_KILOBIT_PER_SEC',
  ingress: 'NET_BW_IGR_KILOBIT_PER_SEC',
} as const;

/** A name as a trait may have it: capitals, digits and underscores. */
function traitOf(prefix: string, name: string): string {
  return `${prefix}${name.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_')}`;
}

export const physicalNetworkTrait = (name: string): string => traitOf('CUSTOM_PHYSNET_', name);
export const vnicTypeTrait = (type: string): string => traitOf('CUSTOM_VNIC_TYPE_', type);

/** Null for ports that need nothing, and for those on tunnels, of which hosts report no bandwidth. */
export function resourceRequest(
  port: Pick<PortRow, 'id' | 'binding_vnic_type'>,
  network: Pick<NetworkRow, 'physical_network'> | undefined,
  rules: readonly QosRuleRow[],
): ResourceRequest | null {
  const physical = network?.physical_network ?? null;
  const minimums = rules.filter((rule) => rule.type === 'minimum_bandwidth' && (rule.min_kbps ?? 0) > 0);
  if (physical === null || minimums.length === 0) return null;
  const id = groupId(port.id, minimums);
  return {
    request_groups: [
      {
        id,
        required: [physicalNetworkTrait(physical), vnicTypeTrait(port.binding_vnic_type)],
        resources: Object.fromEntries(
          minimums.map((rule) => [BANDWIDTH_CLASS[rule.direction], rule.min_kbps ?? 0]),
        ),
      },
    ],
    same_subtree: [id],
  };
}

/** The same for the same port and rules, so that an allocation that names it is recognized later. */
function groupId(portId: string, rules: readonly QosRuleRow[]): string {
  return nameUuid([portId, ...rules.map((rule) => rule.id).toSorted()].join(' '));
}

/** A UUID of version 5's form that stands for `name`. */
export function nameUuid(name: string): string {
  const hash = createHash('sha1').update(name).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50; // a digest has 20 bytes
  hash[8] = (hash[8]! & 0x3f) | 0x80; // likewise
  const hex = hash.toString('hex').slice(0, 32);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
