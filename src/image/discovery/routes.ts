// Which versions of the image API there are. Open to everyone.
import { Reply, type Call, type Route } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';

/**
 * Newest first. 2.8 is several stores, 2.12 the tasks of an image, 2.13 usage, 2.15 the details of stores; 2.14 and 2.16
 * are the cache of a server that keeps its images elsewhere, which there is none of.
 */
const VERSIONS = [
  '2.15',
  '2.13',
  '2.12',
  '2.11',
  '2.10',
  '2.9',
  '2.8',
  '2.7',
  '2.6',
  '2.5',
  '2.4',
  '2.3',
  '2.2',
  '2.1',
  '2.0',
] as const;

function versions(call: Call): unknown {
  return {
    versions: VERSIONS.map((id, index) => ({
      id: `v${id}`,
      status: index === 0 ? 'CURRENT' : 'SUPPORTED',
      links: [{ rel: 'self', href: `${call.baseUrl}/v2/` }],
    })),
  };
}

async function chooseVersion(call: Call): Promise<Reply> {
  return new Reply(300, versions(call));
}

async function listVersions(call: Call): Promise<unknown> {
  return versions(call);
}

export const discoveryRoutes: readonly Route<ImageDeps>[] = [
  { method: 'GET', path: '/', auth: 'none', handler: chooseVersion, success: 300 },
  { method: 'GET', path: '/versions', auth: 'none', handler: listVersions },
  { method: 'GET', path: '/v2', auth: 'none', handler: chooseVersion, success: 300 },
];
