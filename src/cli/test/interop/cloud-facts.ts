/** What tempest must know of a running cloud, asked of the cloud itself. Used by `pileus test interop`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readCloud, type CloudAccess } from '../../cloud-access.ts';

export interface CloudFacts {
  readonly origin: string;
  readonly region: string;
  readonly simulated: boolean;
  readonly admin: { readonly username: string; readonly password: string; readonly project: string };
  readonly identity: { readonly trusts: boolean };
  readonly images: { readonly main: string; readonly other: string };
  readonly flavors: { readonly small: string; readonly larger: string };
  readonly compute: { readonly min: string; readonly max: string; readonly features: ReadonlySet<string> };
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
      }
    | undefined;
}

/** Tests that compare images need two. This one is made for them, and removed by `forgetOtherImage`. */
const OTHER_IMAGE = 'interop-other';

export async function cloudFacts(dataPath: string): Promise<CloudFacts> {
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
    images: { main: await imageId(access, 'pileus-demo'), other: await otherImage(access) },
    flavors: { small: flavor('m1.nano'), larger: flavor('m1.micro') },
    compute: {
      min: versions.version.min_version,
      max: versions.version.version,
      features: new Set<string>(),
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

async function volumeFacts(access: CloudAccess): Promise<CloudFacts['volume']> {
  try {
    const { versions } = (await access.get('/volume/v3/')) as {
      versions: Array<{ min_version: string; version: string }>;
    };
    const { pools } = (await access.get('/volume/v3/scheduler-stats/get_pools?detail=true')) as {
      pools: Array<{ capabilities: { storage_protocol: string; vendor_name: string } }>;
    };
    const [version] = versions;
    const [pool] = pools;
    if (!version || !pool) return undefined;
    const { storage_protocol: storageProtocol, vendor_name: vendorName } = pool.capabilities;
    return { min: version.min_version, max: version.version, storageProtocol, vendorName };
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

/** A second image with the demo image's bytes. */
async function otherImage(access: CloudAccess): Promise<string> {
  const known = await findImage(access, OTHER_IMAGE);
  if (known !== undefined) return known;
  const main = (await access.get(`/image/v2/images/${await imageId(access, 'pileus-demo')}`)) as {
    id: string;
    disk_format: string;
    container_format: string;
  };
  const { disk_format, container_format } = main;
  const made = await send(access, 'POST', '/image/v2/images', {
    json: { name: OTHER_IMAGE, visibility: 'public', disk_format, container_format },
  });
  const { id } = (await made.json()) as { id: string };
  const data = await send(access, 'GET', `/image/v2/images/${main.id}/file`);
  await send(access, 'PUT', `/image/v2/images/${id}/file`, { bytes: await data.arrayBuffer() });
  return id;
}

async function send(
  access: CloudAccess,
  method: string,
  path: string,
  body: { json?: unknown; bytes?: ArrayBuffer } = {},
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
