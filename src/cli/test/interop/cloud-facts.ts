/** What tempest must know of a running cloud, asked of the cloud itself. Used by `pileus test interop`. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readCloud, type CloudAccess } from '../../cloud-access.ts';

export interface CloudFacts {
  readonly origin: string;
  readonly region: string;
  readonly simulated: boolean;
  readonly admin: { readonly username: string; readonly password: string; readonly project: string };
  readonly identity: { readonly trusts: boolean };
  /** Ids, and a file with the main one's bytes. */
  readonly images: { readonly main: string; readonly other: string; readonly file: string };
  readonly flavors: { readonly small: string; readonly larger: string };
  readonly compute: {
    readonly min: string;
    readonly max: string;
    /** Keys of server actions that the cloud offers, of those that some clouds do not. */
    readonly actions: ReadonlySet<string>;
    readonly hosts: number;
  };
  readonly image: { readonly imports: boolean };
  readonly network: {
    readonly externalId: string;
    readonly externalName: string;
    readonly extensions: readonly string[];
  };
  /** Undefined without a volume service. */
  readonly volume:
    | {
        readonly min: string;
        readonly max: string;
        readonly storageProtocol: string;
        readonly vendorName: string;
        readonly backends: readonly string[];
      }
    | undefined;
}

/** Tests that compare images need two. This one is made for them, and removed by `forgetOtherImage`. */
const OTHER_IMAGE = 'interop-other';

/** @param directory where the image's file is kept */
export async function cloudFacts(dataPath: string, directory: string): Promise<CloudFacts> {
  const access = await readCloud(dataPath, 'pileus-admin');
  const get = async <T>(path: string): Promise<T> => (await access.get(path)) as T;
  const [networks, extensions, flavors, versions, hypervisors] = await Promise.all([
    get<{ networks: Array<{ id: string; name: string }> }>('/network/v2.0/networks?router:external=true'),
    get<{ extensions: Array<{ alias: string }> }>('/network/v2.0/extensions'),
    get<{ flavors: Array<{ id: string; name: string; disk: number }> }>('/compute/v2.1/flavors/detail'),
    get<{ version: { min_version: string; version: string } }>('/compute/v2.1/'),
    get<{ hypervisors: Array<{ hypervisor_type: string }> }>('/compute/v2.1/os-hypervisors/detail'),
  ]);
  const external = networks.networks[0];
  if (!external) throw new Error('the cloud has no external network');
  const flavor = (name: string): string => {
    const found = flavors.flavors.find((each) => each.name === name);
    if (!found) throw new Error(`the cloud has no flavor ${name}`);
    return found.id;
  };
  return {
    origin: access.origin,
    ...(await credentials(dataPath)),
    simulated: hypervisors.hypervisors.every(
      ({ hypervisor_type: type }) => type !== 'QEMU' && type !== 'KVM',
    ),
    identity: { trusts: await answers(access, '/identity/v3/OS-TRUST/trusts') },
    images: await images(access, join(directory, 'image.qcow2')),
    flavors: { small: flavor('m1.nano'), larger: flavor('m1.micro') },
    compute: {
      min: versions.version.min_version,
      max: versions.version.version,
      actions: await offeredActions(access),
      hosts: hypervisors.hypervisors.length,
    },
    image: { imports: await answers(access, '/image/v2/info/import') },
    network: {
      externalId: external.id,
      externalName: external.name,
      extensions: extensions.extensions.map(({ alias }) => alias).toSorted(),
    },
    volume: await volumeFacts(access),
  };
}

/** Removes what `cloudFacts` made. */
export async function forgetOtherImage(dataPath: string): Promise<void> {
  const access = await readCloud(dataPath, 'pileus-admin');
  const id = await findImage(access, OTHER_IMAGE);
  if (id !== undefined) await send(access, 'DELETE', `/image/v2/images/${id}`);
}

async function credentials(dataPath: string): Promise<Pick<CloudFacts, 'admin' | 'region'>> {
  const { clouds } = parse(await readFile(join(dataPath, 'clouds.yaml'), 'utf8')) as {
    clouds: Record<
      string,
      { region_name: string; auth: { username: string; password: string; project_name: string } }
    >;
  };
  const entry = clouds['pileus-admin'];
  if (!entry) throw new Error('clouds.yaml has no cloud pileus-admin');
  const { username, password, project_name: project } = entry.auth;
  return { region: entry.region_name, admin: { username, password, project } };
}

async function answers(access: CloudAccess, path: string): Promise<boolean> {
  return access.get(path).then(
    () => true,
    () => false,
  );
}

const ACTIONS = {
  resize: { flavorRef: '1' },
  migrate: null,
  'os-migrateLive': { host: null, block_migration: 'auto' },
  rescue: null,
  shelve: null,
} as const;

/** Asked of a server that is not there: 404 is about the server, 400 about the action. */
async function offeredActions(access: CloudAccess): Promise<ReadonlySet<string>> {
  const nobody = '/compute/v2.1/servers/00000000-0000-4000-8000-000000000000/action';
  const asked = Object.entries(ACTIONS).map(async ([key, value]) => {
    const answer = await post(access, nobody, JSON.stringify({ [key]: value }), {
      'openstack-api-version': 'compute 2.25',
    });
    return answer.status === 404 ? key : '';
  });
  return new Set(await Promise.all(asked));
}

async function post(
  access: CloudAccess,
  path: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  return fetch(access.origin + path, {
    method: 'POST',
    headers: { 'x-auth-token': access.token, 'content-type': 'application/json', ...headers },
    body,
  });
}

async function volumeFacts(access: CloudAccess): Promise<CloudFacts['volume']> {
  try {
    const { versions } = (await access.get('/volume/v3/')) as {
      versions: Array<{ min_version: string; version: string }>;
    };
    const { pools } = (await access.get('/volume/v3/scheduler-stats/get_pools?detail=true')) as {
      pools: Array<{
        capabilities: Record<'storage_protocol' | 'vendor_name' | 'volume_backend_name', string>;
      }>;
    };
    const [version] = versions;
    const [pool] = pools;
    if (!version || !pool) return undefined;
    const { storage_protocol: storageProtocol, vendor_name: vendorName } = pool.capabilities;
    const names = new Set(pools.map(({ capabilities }) => capabilities.volume_backend_name));
    const backends = [...names].toSorted();
    return { min: version.min_version, max: version.version, storageProtocol, vendorName, backends };
  } catch {
    return undefined; // no volume service answers there
  }
}

async function findImage(access: CloudAccess, name: string): Promise<string | undefined> {
  const { images } = (await access.get(`/image/v2/images?name=${name}`)) as { images: Array<{ id: string }> };
  return images[0]?.id;
}

async function imageId(access: CloudAccess, name: string): Promise<string> {
  const id = await findImage(access, name);
  if (id === undefined) throw new Error(`the cloud has no image ${name}`);
  return id;
}

async function images(access: CloudAccess, file: string): Promise<CloudFacts['images']> {
  const main = await imageId(access, 'pileus-demo');
  const data = await send(access, 'GET', `/image/v2/images/${main}/file`);
  await writeFile(file, new Uint8Array(await data.arrayBuffer()));
  return { main, other: await otherImage(access, main, file), file };
}

/** A second image with the main one's bytes. */
async function otherImage(access: CloudAccess, main: string, file: string): Promise<string> {
  const known = await findImage(access, OTHER_IMAGE);
  if (known !== undefined) return known;
  const { disk_format, container_format } = (await access.get(`/image/v2/images/${main}`)) as {
    disk_format: string;
    container_format: string;
  };
  const made = await send(access, 'POST', '/image/v2/images', {
    json: { name: OTHER_IMAGE, visibility: 'public', disk_format, container_format },
  });
  const { id } = (await made.json()) as { id: string };
  await send(access, 'PUT', `/image/v2/images/${id}/file`, { bytes: await readFile(file) });
  return id;
}

async function send(
  access: CloudAccess,
  method: string,
  path: string,
  body: { json?: unknown; bytes?: Uint8Array<ArrayBuffer> } = {},
): Promise<Response> {
  const type = body.bytes ? 'application/octet-stream' : 'application/json';
  const payload = body.bytes ?? (body.json === undefined ? undefined : JSON.stringify(body.json));
  const answer = await fetch(access.origin + path, {
    method,
    headers: { 'x-auth-token': access.token, ...(payload === undefined ? {} : { 'content-type': type }) },
    ...(payload === undefined ? {} : { body: payload }),
  });
  if (!answer.ok)
    throw new Error(`${method} ${path}: ${answer.status} ${(await answer.text()).slice(0, 500)}`);
  return answer;
}
