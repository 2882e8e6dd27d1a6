// What a new cloud is filled with once it answers: flavors, networks, the demo image. Idempotent, so that `up` runs it each time.
import { existsSync } from 'node:fs';
import { seedFlavors } from '#compute/flavors/seed.ts';
import type { ComputeService } from '#compute/service.ts';
import type { Shared } from '../services/context.ts';
import type { Foundation } from '../up.ts';
import type { World } from '../world.ts';
import type { Credentials } from './credentials.ts';
import { bootstrapDemoImage } from './demo-image.ts';
import { bootstrapNetworks } from './networks.ts';
import { logIn } from './rest.ts';

export interface FirstBoot {
  readonly foundation: Foundation;
  readonly shared: Shared;
  readonly world: World;
  readonly credentials: Credentials;
  readonly compute: ComputeService;
  readonly address: string;
  readonly cloudsYaml: string;
}

/** @returns lines for the person who started the cloud */
export async function firstBoot(boot: FirstBoot): Promise<string[]> {
  const { shared, world, credentials, compute } = boot;
  const { peer } = shared.identityContext();
  const [admin, demo] = await Promise.all([
    logIn(peer, 'admin', credentials.passwordOf('admin'), 'admin'),
    logIn(peer, 'demo', credentials.passwordOf('demo'), 'demo'),
  ]);
  await seedFlavors(compute.deps.db);
  const provider = await world.provider();
  await Promise.all([bootstrapNetworks(admin, demo, provider), bootstrapDemoImage(boot, admin)]);
  return greeting(boot, provider.cidr);
}

const CLIENT = ['/usr/bin/openstack', '/usr/local/bin/openstack'];

function greeting({ address, cloudsYaml, world }: FirstBoot, cidr: string): string[] {
  return [
    ...(world.simulated ? ['SIMULATED: guests, switches and OVN are models; nothing runs in them'] : []),
    `cloud        ${address}`,
    `credentials  ${cloudsYaml} (clouds: pileus for project demo, pileus-admin)`,
    ...(world.simulated ? [] : [`floating IPs are taken from ${cidr} and answer on this machine`]),
    'try',
    ...(CLIENT.some((path) => existsSync(path))
      ? []
      : ['  apt-get install --no-install-recommends python3-openstackclient']),
    `  export OS_CLIENT_CONFIG_FILE=${cloudsYaml} OS_CLOUD=pileus`,
    '  openstack server create --image pileus-demo --flavor m1.nano --network private --wait first',
    '  ./pileus trace first',
  ];
}
