// The image service as its peers use it. Every call carries the token of the user on whose behalf it is made.
import { expectOk, refusal, type Transport } from './transport.ts';

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
  readonly [property: string]: unknown;
}

export interface ImageClient {
  /** Undefined when there is none or the token may not see it. @throws DomainError of the peer for other refusals */
  findImage(token: string, id: string): Promise<Image | undefined>;
  /** Makes an image record without data, in status `queued`. `attributes` holds base attributes and properties. */
  createImage(token: string, attributes: Readonly<Record<string, unknown>>): Promise<Image>;
  deleteImage(token: string, id: string): Promise<void>;
}

export function createImageClient(transport: Transport): ImageClient {
  return {
    findImage: async (token, id) => {
      const answer = await transport.send({
        method: 'GET',
        path: `/v2/images/${encodeURIComponent(id)}`,
        token,
      });
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw refusal('image', answer);
      return answer.body as Image;
    },
    createImage: async (token, attributes) => {
      const answer = await expectOk('image', transport, {
        method: 'POST',
        path: '/v2/images',
        token,
        body: attributes,
      });
      return answer.body as Image;
    },
    deleteImage: async (token, id) => {
      await expectOk(
        'image',
        transport,
        { method: 'DELETE', path: `/v2/images/${encodeURIComponent(id)}`, token },
        [204, 404],
      );
    },
  };
}
