// Version discovery: what clients read first, without a token.
import { Reply, type Call } from '#platform/http/api.ts';
import type { ComputeRoute } from '#compute/deps.ts';
import { NotFound } from '#compute/errors.ts';

/** The microversions of the whole API; the maximum is a promise about every version below it. */
export const MICROVERSIONS = {
  serviceType: 'compute',
  min: '2.1',
  max: '2.93',
  legacyHeader: 'X-OpenStack-Nova-API-Version',
} as const;

function version(call: Call): Record<string, unknown> {
  return {
    id: 'v2.1',
    status: 'CURRENT',
    version: MICROVERSIONS.max,
    min_version: MICROVERSIONS.min,
    updated: '2013-07-23T11:33:21Z',
    links: [
      { rel: 'self', href: `${call.baseUrl}/v2.1/` },
      { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' },
    ],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.compute+json;version=2.1' }],
  };
}

/** The API of before microversions: the same at the lowest one, and bodies may have more than it knows. */
function oldVersion(call: Call): Record<string, unknown> {
  return {
    id: 'v2.0',
    status: 'SUPPORTED',
    version: '',
    min_version: '',
    updated: '2011-01-21T11:33:21Z',
    links: [
      { rel: 'self', href: `${call.baseUrl}/v2/` },
      { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' },
    ],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.compute+json;version=2' }],
  };
}

async function listVersions(call: Call): Promise<unknown> {
  const brief = ({ 'media-types': _types, links, ...rest }: Record<string, unknown>) => ({
    ...rest,
    links: (links as unknown[]).slice(0, 1),
  });
  return { versions: [brief(oldVersion(call)), brief(version(call))] };
}

/** The document again, for who has a token. */
async function showNamed(call: Call): Promise<unknown> {
  const { id } = call.params;
  if (id !== 'v2.1' && id !== 'v2.0')
    throw new NotFound('The resource could not be found.', 'no-such-version');
  const isOld = id === 'v2.0' || call.path.startsWith('/v2/');
  return { version: isOld ? oldVersion(call) : version(call) };
}

async function showOldVersion(call: Call): Promise<Reply> {
  return new Reply(200, { version: oldVersion(call) });
}

async function showVersion(call: Call): Promise<Reply> {
  return new Reply(200, { version: version(call) });
}

export const discoveryRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: '/', handler: listVersions, auth: 'none' },
  { method: 'GET', path: '/v2', handler: showOldVersion, auth: 'none' },
  { method: 'GET', path: '/v2.1', handler: showVersion, auth: 'none' },
  { method: 'GET', path: '/v2.1/versions/:id', handler: showNamed },
];
