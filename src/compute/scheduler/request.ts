// From an instance entry to what the scheduler looks for. Pure.
import {
  emptyGroup,
  type CandidateRequest,
  type RequestGroup,
} from '#placement/allocation-candidates/request.ts';
import { portRequestsOf } from '../servers/port-requests.ts';
import type { FlavorSnapshot, InstanceRow, PortRequest } from '../tables.ts';
import type { ServerGroupRow } from '../server-groups/tables.ts';
import type { GroupPolicy, SelectionRequest } from './host-state.ts';

export interface Wanted {
  readonly resources: Readonly<Record<string, number>>;
  readonly requiredTraits: readonly string[];
  readonly forbiddenTraits: readonly string[];
}

/** `resources:CLASS=n` replaces what the flavor says (0: none of it), `trait:NAME=required|forbidden` adds traits. */
export function wantedOf(
  flavor: FlavorSnapshot,
  image: Readonly<Record<string, string>>,
  bootsFromVolume: boolean,
): Wanted {
  const resources: Record<string, number> = {
    VCPU: flavor.vcpus,
    MEMORY_MB: flavor.ram,
    // Swap is in MiB, placement counts whole GiB.
    DISK_GB: (bootsFromVolume ? 0 : flavor.disk) + flavor.ephemeral + Math.ceil(flavor.swap / 1024),
  };
  const required = new Set<string>();
  const forbidden = new Set<string>();
  for (const [key, value] of Object.entries(flavor.extra_specs)) {
    const resource = /^resources:([A-Z0-9_]+)$/.exec(key)?.[1];
    if (resource && /^\d{1,9}$/.test(value)) resources[resource] = Number(value);
    const trait = /^trait:([A-Z0-9_]+)$/.exec(key)?.[1];
    if (trait && value === 'required') required.add(trait);
    if (trait && value === 'forbidden') forbidden.add(trait);
  }
  for (const [key, value] of Object.entries(image)) {
    const trait = /^trait:([A-Z0-9_]+)$/.exec(key)?.[1];
    if (trait && value === 'required') required.add(trait);
    if (trait && value === 'forbidden') forbidden.add(trait);
  }
  return {
    resources: Object.fromEntries(Object.entries(resources).filter(([, amount]) => amount > 0)),
    requiredTraits: [...required],
    forbiddenTraits: [...forbidden],
  };
}

/** The server's own group, and one for each port that asks for something, each met by one provider of the host. */
export function candidateRequest(wanted: Wanted, ports: readonly PortRequest[] = []): CandidateRequest {
  return {
    groups: [
      {
        ...emptyGroup(''),
        resources: wanted.resources,
        required: wanted.requiredTraits.map((trait) => [trait]),
        forbidden: wanted.forbiddenTraits,
      },
      ...ports.map(portGroup),
    ],
  };
}

export function portGroup({ id, resources, required }: PortRequest): RequestGroup {
  return { ...emptyGroup(`_${id}`), resources, required: required.map((trait) => [trait]) };
}

/** Image properties as text; they may lie at the top or below `properties`. */
export function imageProperties(json: string): Record<string, string> {
  const parsed = JSON.parse(json) as Record<string, unknown>;
  const nested = parsed['properties'];
  const all = { ...parsed, ...(typeof nested === 'object' ? nested : {}) };
  return Object.fromEntries(
    Object.entries(all).flatMap(([key, value]) =>
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? [[key, String(value)]]
        : [],
    ),
  );
}

/** A hint's value: one id, or a list of them. */
export function hintIds(hints: Readonly<Record<string, unknown>>, key: string): string[] {
  const value = hints[key];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((each): each is string => typeof each === 'string');
}

export function groupPolicy(group: ServerGroupRow | undefined): GroupPolicy | null {
  if (!group) return null;
  const rules = JSON.parse(group.rules_json) as { max_server_per_host?: number };
  return { id: group.id, policy: group.policy, maxServersPerHost: rules.max_server_per_host ?? 1 };
}

export function selectionRequest(
  instance: InstanceRow,
  rest: Pick<
    SelectionRequest,
    'exclude' | 'excludedAs' | 'group' | 'groupHosts' | 'now' | 'heartbeatTimeoutMs'
  >,
): SelectionRequest {
  const flavor = JSON.parse(instance.flavor_json) as FlavorSnapshot;
  const image = imageProperties(instance.image_json);
  const hints = JSON.parse(instance.scheduler_hints_json) as Record<string, unknown>;
  return {
    ...rest,
    ...wantedOf(flavor, image, instance.image_id === null),
    portRequests: portRequestsOf(instance),
    instanceId: instance.id,
    projectId: instance.project_id,
    userId: instance.user_id,
    flavor,
    image,
    zone: instance.requested_zone,
    requestedHost: instance.requested_host,
    sameHost: hintIds(hints, 'same_host'),
    differentHost: hintIds(hints, 'different_host'),
  };
}
