// Options of the services that differ from their defaults: bounds in time above all. Given with UpOptions.
import type { ComputeConfig } from '#compute/config.ts';
import type { HostConfig } from '#compute/host/config.ts';
import type { IdentityOptions } from '#identity/config.ts';
import type { ImageConfig } from '#image/config.ts';
import type { NetworkConfig } from '#network/config.ts';
import type { VolumeConfig } from '#volume/config.ts';

export interface CloudTuning {
  readonly identity?: IdentityOptions;
  readonly compute?: Partial<ComputeConfig>;
  readonly image?: Partial<ImageConfig>;
  readonly network?: Pick<NetworkConfig, 'resourceProviderBandwidths'>;
  readonly volume?: Partial<VolumeConfig>;
  /** Of every host. */
  readonly host?: Partial<Omit<HostConfig, 'host' | 'dataDir' | 'accel' | 'simulated' | 'resources'>>;
}
