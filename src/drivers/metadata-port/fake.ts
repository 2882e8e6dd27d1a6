// A model of metadata's places on a host's networks: a guest of the model asks by name of the network and its own address.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { MetadataListener, MetadataPorts } from './port.ts';

export interface FakeMetadataPorts extends MetadataPorts {
  /** A guest's GET. Undefined: there is no metadata on that network. */
  get(
    networkId: string,
    address: string,
    path: string,
  ): Promise<{ status: number; body: string } | undefined>;
}

export function createFakeMetadataPorts(listener: MetadataListener): FakeMetadataPorts {
  const networks = new Set<string>();
  return {
    ensure: async ({ networkId }) => void networks.add(networkId),
    remove: async (networkId) => void networks.delete(networkId),
    list: async () => [...networks],
    get: async (networkId, address, path) => {
      if (!networks.has(networkId)) return undefined;
      return new Promise((resolve) => {
        let status = 200;
        const response = {
          writeHead: (code: number) => {
            status = code;
            return response;
          },
          end: (body?: string | Buffer) =>
            resolve({ status, body: body === undefined ? '' : body.toString() }),
        };
        const request = { method: 'GET', url: path, socket: { remoteAddress: address } };
        listener(networkId, request as unknown as IncomingMessage, response as unknown as ServerResponse);
      });
    },
    [Symbol.asyncDispose]: async () => networks.clear(),
  };
}
