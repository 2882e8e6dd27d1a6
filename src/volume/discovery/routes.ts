// Version discovery: what clients read first, without a token.
import { Reply, type Call } from '#platform/http/api.ts';
import type { VolumeRoute } from '#volume/deps.ts';

/** The microversions of the whole API; the maximum is a promise about every version below it. */
export const MICROVERSIONS = { serviceType: 'volume', min: '3.0', max: '3.70' } as const;

function versions(call: Call): Record<string, unknown> {
  return {
    versions: [
      {
        id: 'v3.0',
        status: 'CURRENT',
        version: MICROVERSIONS.max,
        min_version: MICROVERSIONS.min,
        updated: '2022-08-31T00:00:00Z',
        links: [
          { rel: 'describedby', type: 'text/html', href: 'https://docs.openstack.org/' },
          { rel: 'self', href: `${call.baseUrl}/v3/` },
        ],
        'media-types': [
          { base: 'application/json', type: 'application/vnd.openstack.volume+json;version=3' },
        ],
      },
    ],
  };
}

/** Several choices, as upstream says even where there is one. */
async function listVersions(call: Call): Promise<Reply> {
  return new Reply(300, versions(call));
}

async function showVersion(call: Call): Promise<unknown> {
  return versions(call);
}

/** These alone have their whole path: they belong to no project. */
export const discoveryRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path: '/', handler: listVersions, auth: 'none', success: 300 },
  { method: 'GET', path: '/v3', handler: showVersion, auth: 'none' },
];
