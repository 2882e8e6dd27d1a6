// Names and outputs of the hops that the agent runs. The launch record, the API's events and the tests use these names.
import type { Prepared } from '../../rpc.ts';
import type { BlockDeviceRow, Vif } from '../../tables.ts';
import type { BootFiles } from '../../host/guest-spec.ts';

export interface LocatedImage {
  readonly id: string;
  readonly disk_format: string;
  readonly size: number;
  readonly os_hash_algo: string;
  readonly os_hash_value: string;
  /** `file:///…` or empty when the image service does not tell. */
  readonly location: string;
}

/** Which hops a launch has beside those of every launch. */
export interface LaunchShape {
  /** An image is read on the host: for its root disk, or for a kernel. */
  readonly image: boolean;
  readonly volumes: boolean;
}

/** What each hop leaves for those after it. */
export interface LaunchOutputs {
  prepare: { readonly entry: Extract<Prepared, { kind: 'go' }>['entry'] };
  'image.locate': {
    readonly disk: LocatedImage | null;
    readonly kernel: LocatedImage | null;
    readonly ramdisk: LocatedImage | null;
  };
  'image.load': BootFiles & { readonly diskPath: string | null };
  'network.allocate': { readonly vifs: readonly Vif[] };
  'network.plug': { readonly devices: readonly string[] };
  'network.northbound': { readonly ports: number };
  'network.southbound': { readonly ports: number };
  'network.bind': { readonly ports: number };
  'volume.request': { readonly devices: readonly BlockDeviceRow[] };
  'volume.schedule': { readonly volumes: readonly string[] };
  'volume.connect': { readonly devices: readonly BlockDeviceRow[] };
  'volume.attach': { readonly volumes: number };
  spawn: { readonly configDrive: boolean };
  activate: { readonly powerState: 1 };
}
