// Services and their endpoints as the catalog in a token and in `GET /v3/auth/catalog` shows them.
import type { EndpointRow, ServiceRow } from '../database.ts';

export interface CatalogEndpoint {
  readonly id: string;
  readonly interface: string;
  readonly region_id: string | null;
  readonly region: string | null;
  readonly url: string;
}

export interface CatalogEntry {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly endpoints: readonly CatalogEndpoint[];
}

export interface UrlNames {
  readonly projectId?: string | undefined;
  readonly userId?: string | undefined;
}

/** Disabled ones are left out, and so are endpoints whose URL needs a project that the token has not. */
export function catalogOf(
  services: readonly ServiceRow[],
  endpoints: readonly EndpointRow[],
  names: UrlNames,
): CatalogEntry[] {
  return services
    .filter((service) => service.enabled === 1)
    .map((service) => ({
      id: service.id,
      type: service.type,
      name: service.name,
      endpoints: endpoints.flatMap((endpoint) => {
        const url = urlOf(endpoint.url, names);
        if (endpoint.service_id !== service.id || endpoint.enabled !== 1 || url === undefined) return [];
        const { id, region_id: region } = endpoint;
        return [{ id, interface: endpoint.interface, region_id: region, region, url }];
      }),
    }));
}

/** Fills `$(project_id)s` and its like; undefined when a name has no value. */
function urlOf(template: string, names: UrlNames): string | undefined {
  let missing = false;
  const url = template.replaceAll(/[$%]\((\w+)\)s/g, (_, name: string) => {
    const value =
      name === 'project_id' || name === 'tenant_id'
        ? names.projectId
        : name === 'user_id'
          ? names.userId
          : undefined;
    if (value === undefined) missing = true;
    return value ?? '';
  });
  return missing ? undefined : url;
}
