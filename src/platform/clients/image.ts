// The image service as its peers use it. Every call carries the token of the user on whose behalf it is made.
import type { Readable } from 'node:stream';
import { readText } from './stream-transport.ts';
import { expectOk, parse, refusal, type StreamAnswer, type Transport } from './transport.ts';

/** An image as the image API shows it; properties that an operator or user set are beside the base ones. */
export interface Image {
  readonly id: string;
  readonly name: string | null;
  readonly status: string;
  readonly visibility: string;
  readonly owner: string | null;
  /** GiB */
  readonly min_disk: number;
  /** MiB */
  readonly min_ram: number;
  /** Bytes; null while nothing is uploaded. */
  readonly size: number | null;
  readonly virtual_size: number | null;
  readonly disk_format: string | null;
  readonly container_format: string | null;
  readonly os_hash_algo: string | null;
  readonly os_hash_value: string | null;
  /** Where the data is, `file:///…` of the store: only told to services. */
  readonly direct_url?: string;
  readonly [property: string]: unknown;
}

/** One copy of an image's data. */
export interface ImageLocation {
  readonly url: string;
  /** Id of the image service's store. */
  readonly store: string;
}

export interface ImageClient {
  /** Undefined when there is none or the token may not see it. @throws DomainError of the peer for other refusals */
  findImage(token: string, id: string): Promise<Image | undefined>;
  /** Makes an image record without data, in status `queued`. `attributes` holds base attributes and properties. */
  createImage(token: string, attributes: Readonly<Record<string, unknown>>): Promise<Image>;
  deleteImage(token: string, id: string): Promise<void>;
  /** Sets properties, made when they are not there, and removes others. */
  updateProperties(
    token: string,
    id: string,
    set: Readonly<Record<string, string>>,
    remove: readonly string[],
  ): Promise<void>;
  /**
   * As `findImage`, with `direct_url`: `serviceToken` vouches that a service asks, on behalf of the user of `userToken`.
   */
  locateImage(userToken: string, id: string, serviceToken: string): Promise<Image | undefined>;
  /**
   * Where the data is, the default store first: `rbd://fsid/pool/image/snap` can be cloned without copying, of `file:///…`
   * the data is read. Undefined when there is no such image for the user; empty while it has no data.
   * @param serviceToken vouches that a service asks on behalf of the user of `token`; a service's own token needs none
   * @throws DomainError forbidden for anyone else
   */
  getImageLocations(token: string, id: string, serviceToken?: string): Promise<ImageLocation[] | undefined>;
  /** The data, to be read to its end or destroyed. @throws DomainError of the peer; not-found also when there is no data */
  openData(userToken: string, id: string, serviceToken: string): Promise<Readable>;
  /** Sends the data of a queued image; the image is active when this resolves. The stream ends with it. */
  uploadData(token: string, id: string, stream: Readable, options?: UploadOptions): Promise<void>;
  /** All images that fit: `filters` are the query of `GET /v2/images`, pages are followed. */
  listImages(token: string, filters?: Readonly<Record<string, string>>, most?: number): Promise<Image[]>;
}

export interface UploadOptions {
  /** Bytes: said before, so that an upload that does not fit is refused at once. */
  readonly size?: number;
  readonly serviceToken?: string;
  readonly signal?: AbortSignal;
}

const PAGE = 500;

export function createImageClient(transport: Transport): ImageClient {
  const find = async (token: string, id: string, serviceToken?: string): Promise<Image | undefined> => {
    const answer = await transport.send({
      method: 'GET',
      path: pathOf(id),
      token,
      ...(serviceToken === undefined ? {} : { serviceToken }),
    });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw refusal('image', answer);
    return answer.body as Image;
  };
  return {
    findImage: async (token, id) => find(token, id),
    locateImage: find,
    getImageLocations: async (token, id, serviceToken) => locations(transport, token, id, serviceToken),
    createImage: async (token, attributes) => {
      const request = { method: 'POST', path: '/v2/images', token, body: attributes } as const;
      return (await expectOk('image', transport, request)).body as Image;
    },
    deleteImage: async (token, id) => {
      await expectOk('image', transport, { method: 'DELETE', path: pathOf(id), token }, [204, 404]);
    },
    updateProperties: async (token, id, set, remove) => {
      const at = (name: string): string => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const body = [
        ...Object.entries(set).map(([name, value]) => ({ op: 'add', path: at(name), value })),
        ...remove.map((name) => ({ op: 'remove', path: at(name) })),
      ];
      if (body.length === 0) return;
      const headers = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
      await expectOk('image', transport, { method: 'PATCH', path: pathOf(id), token, headers, body });
    },
    openData: async (token, id, serviceToken) => openData(transport, token, id, serviceToken),
    uploadData: async (token, id, stream, options = {}) => uploadData(transport, token, id, stream, options),
    listImages: async (token, filters = {}, most = Number.POSITIVE_INFINITY) =>
      listImages(transport, token, filters, most),
  };
}

function pathOf(id: string): string {
  return `/v2/images/${encodeURIComponent(id)}`;
}

async function locations(
  transport: Transport,
  token: string,
  id: string,
  serviceToken?: string,
): Promise<ImageLocation[] | undefined> {
  const vouched = serviceToken === undefined ? {} : { serviceToken };
  const answer = await transport.send({ method: 'GET', path: `${pathOf(id)}/locations`, token, ...vouched });
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw refusal('image', answer);
  const body = answer.body as ReadonlyArray<{ url: string; metadata: { store: string } }>;
  return body.map(({ url, metadata: { store } }) => ({ url, store }));
}

async function openData(
  transport: Transport,
  token: string,
  id: string,
  serviceToken: string,
): Promise<Readable> {
  const path = `${pathOf(id)}/file`;
  const answer = await streaming(transport)({ method: 'GET', path, token, serviceToken });
  if (answer.status === 200) return answer.stream;
  throw await streamRefusal(answer.status === 204 ? { ...answer, status: 404 } : answer);
}

async function uploadData(
  transport: Transport,
  token: string,
  id: string,
  stream: Readable,
  { size, serviceToken, signal }: UploadOptions,
): Promise<void> {
  const answer = await streaming(transport)({
    method: 'PUT',
    path: `${pathOf(id)}/file`,
    token,
    stream,
    headers: {
      'content-type': 'application/octet-stream',
      ...(size === undefined ? {} : { 'content-length': String(size) }),
    },
    ...(serviceToken === undefined ? {} : { serviceToken }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (answer.status !== 204) throw await streamRefusal(answer);
  answer.stream.resume();
}

async function listImages(
  transport: Transport,
  token: string,
  filters: Readonly<Record<string, string>>,
  most: number,
): Promise<Image[]> {
  const images: Image[] = [];
  const limit = String(Math.min(PAGE, most));
  let path: string | undefined = `/v2/images?${new URLSearchParams({ limit, ...filters })}`;
  while (path !== undefined && images.length < most) {
    const answer = await expectOk('image', transport, { method: 'GET', path, token }, [200]);
    const page = answer.body as { readonly images: readonly Image[]; readonly next?: string };
    images.push(...page.images);
    path = page.next;
  }
  return images.slice(0, most);
}

/** @throws TypeError for a transport that cannot */
function streaming(transport: Transport): NonNullable<Transport['sendStream']> {
  if (!transport.sendStream) throw new TypeError('the transport to the image service has no sendStream');
  return async (request) => transport.sendStream!(request); // checked above
}

async function streamRefusal(answer: StreamAnswer): Promise<Error> {
  const text = await readText(answer.stream);
  return refusal('image', { ...answer, body: parse(text, answer.headers['content-type']) });
}
