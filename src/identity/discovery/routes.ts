// Which versions of the identity API there are: `GET /` and `GET /v3`, open to everyone.
import { Reply, type Call, type Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';

function versionDocument(call: Call): Record<string, unknown> {
  return {
    id: 'v3.14',
    status: 'stable',
    updated: '2020-04-07T00:00:00Z',
    links: [{ rel: 'self', href: `${call.baseUrl}/v3/` }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  };
}

async function listVersions(call: Call): Promise<Reply> {
  const headers = { location: `${call.baseUrl}/v3/` };
  return new Reply(300, { versions: { values: [versionDocument(call)] } }, headers);
}

async function showVersion(call: Call): Promise<Reply> {
  return new Reply(200, { version: versionDocument(call) });
}

export const discoveryRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: '/', auth: 'none', handler: listVersions, success: 300 },
  { method: 'GET', path: '/v3', auth: 'none', handler: showVersion },
];
