// What the models of a simulated cloud hold, in the form in which `pileus audit` reads the real programs.
import type { ModelThings } from '#cloud/audit/read-things.ts';
import { readOvn } from '#cloud/audit/read-ovn.ts';
import type { WorldHost } from '#cloud/world.ts';
import type { FakeOvn } from '#drivers/ovn/fake.ts';

export interface Models {
  readonly ovn: FakeOvn;
  readonly hosts: () => Promise<readonly WorldHost[]>;
}

export async function readModels({ ovn, hosts }: Models): Promise<ModelThings> {
  const all = await hosts();
  return {
    ovn: await readOvn(ovn.nb, ovn.sb),
    hosts: await Promise.all(
      all.map(async ({ name, hypervisor, hostSwitch }) => ({
        name,
        guests: (await hypervisor.listServers()).map(({ id, name: guest, state }) => ({
          id,
          name: guest,
          state,
        })),
        interfaces: (await hostSwitch.listPlugged()).map(({ devname, portId, serverId }) => ({
          name: devname,
          portId,
          serverId,
        })),
      })),
    ),
  };
}
