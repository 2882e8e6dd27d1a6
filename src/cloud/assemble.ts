/** What stands on the ground. Called by `pileus up` through up.ts, which says when the ground is there. */
import { MachineUnfit } from './errors.ts';
import type { Assembly, Foundation } from './up.ts';

export async function assemble({ ground }: Foundation): Promise<Assembly> {
  if (!ground) throw new MachineUnfit('this build has no services to simulate', 'Leave out --simulated');
  const { nb, sb, hosts, provider, hypervisorsReady } = await ground;
  await hypervisorsReady;
  const greeting = [
    `northbound database  ${nb}`,
    `southbound database  ${sb}`,
    `provider network     ${provider.cidr}, this machine is ${provider.gatewayIp}`,
    ...hosts.map(({ name, accel, datapath }) => `host ${name.padEnd(16)}${accel}, ${datapath} datapath`),
  ];
  return { greeting, close: () => Promise.resolve() };
}
