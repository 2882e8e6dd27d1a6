// The row of compute's microversions about ports that ask something of a host.
import assert from 'node:assert/strict';
import { message, type Row } from './row.ts';

export const portRequestRows: readonly Row[] = [
  {
    version: '2.72',
    change: 'servers with ports that have resource requests',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const { image, flavor, server } = world;
      const port = await world.minimumPort();
      const body = {
        server: { name: 'kept-free', imageRef: image, flavorRef: flavor, networks: [{ port }] },
      };
      const refused = await below.send('POST', '/servers', body);
      assert.equal(refused.status, 400);
      assert.match(message(refused), /resource requests/);
      const made = await from.send('POST', '/servers', body);
      assert.equal(made.status, 202, JSON.stringify(made.body));
      assert.equal((await world.settled(made.body.server.id)).status, 'ACTIVE');
      const other = { interfaceAttachment: { port_id: await world.minimumPort() } };
      assert.equal((await below.send('POST', `/servers/${server}/os-interface`, other)).status, 400);
      assert.equal((await from.send('POST', `/servers/${server}/os-interface`, other)).status, 200);
      // The next row finds the server as it was.
      const path = `/servers/${server}/os-interface/${other.interfaceAttachment.port_id}`;
      assert.equal((await from.send('DELETE', path)).status, 202);
      await world.settled(server);
    },
  },
];
