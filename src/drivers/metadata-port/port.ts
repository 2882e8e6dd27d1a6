// A place on each virtual network of a host where guests reach the metadata service at 169.254.169.254.
// `real.ts`: a localport of OVN, a veth into a network namespace, a listener there; `fake.ts`: a model for src/sim.
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface MetadataNetwork {
  readonly networkId: string;
  /** The network's `network:distributed` port, which is the same on every host. */
  readonly portId: string;
  readonly mac: string;
  /** Addresses with prefix length, one of each subnet served: `10.0.0.2/24`. */
  readonly addresses: readonly string[];
}

/** Answers one request that a guest sent on `networkId`; the socket's remote address is the guest's fixed address. */
export type MetadataListener = (
  networkId: string,
  request: IncomingMessage,
  response: ServerResponse,
) => void;

export interface MetadataPorts extends AsyncDisposable {
  /** Brings the place up and listens, before guests on the network start. May be repeated; concurrent calls share the work. */
  ensure(network: MetadataNetwork): Promise<void>;
  /** Ends it when the last guest of the network has left the host. May be repeated. */
  remove(networkId: string): Promise<void>;
  list(): Promise<string[]>;
}
