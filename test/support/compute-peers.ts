// Stand-ins for the image and network services in compute's tests: real HTTP applications over maps, answering with the
// peers' forms, filters and statuses. They know no policies: every token sees everything but what `hidden` names.
import type { Readable } from 'node:stream';
import Fastify, { type FastifyInstance } from 'fastify';

type Row = Record<string, unknown> & { id: string };

/** Glance v2 for one image at a time. */
export function imageStandIn(images: Map<string, Row>): FastifyInstance {
  const app = Fastify();
  app.get('/v2/images/:id', async (request, reply) => {
    const image = images.get((request.params as { id: string }).id);
    return image ?? reply.code(404).send('No image found');
  });
  app.post('/v2/images', async (request, reply) => {
    const image = {
      id: crypto.randomUUID(),
      status: 'queued',
      visibility: 'private',
      ...(request.body as object),
    };
    images.set(image.id, image);
    return reply.code(201).send(image);
  });
  app.addContentTypeParser('application/octet-stream', async (_request: unknown, payload: Readable) => {
    payload.resume();
  });
  app.put('/v2/images/:id/file', async (request, reply) => {
    const image = images.get((request.params as { id: string }).id);
    if (!image) return reply.code(404).send('No image found');
    image['status'] = 'active';
    return reply.code(204).send();
  });
  app.delete('/v2/images/:id', async (request, reply) => {
    images.delete((request.params as { id: string }).id);
    return reply.code(204).send();
  });
  return app;
}

export interface NetworkState {
  readonly networks: Map<string, Row>;
  readonly subnets: Map<string, Row>;
  readonly ports: Map<string, Row>;
  readonly security_groups: Map<string, Row>;
  readonly floatingips: Map<string, Row>;
}

/** What a project gets that has no network: where there is a network of this id, of whomever. */
export const AUTO_NETWORK = 'auto-network';

const PATHS = {
  networks: 'network',
  subnets: 'subnet',
  ports: 'port',
  'security-groups': 'security_group',
  floatingips: 'floatingip',
} as const;

/** Neutron v2: lists filtered by equal values, show, create, update, delete. `calls` counts requests by path. */
export function networkStandIn(state: NetworkState, calls: Map<string, number>): FastifyInstance {
  const app = Fastify({ routerOptions: { maxParamLength: 200 } });
  app.addHook('onRequest', async (request) => {
    const path = request.url.split('?')[0] ?? '';
    calls.set(path, (calls.get(path) ?? 0) + 1);
  });
  app.get('/v2.0/auto-allocated-topology/:project', async (request, reply) => {
    if (!state.networks.has(AUTO_NETWORK)) return reply.code(400).send(missing('pool'));
    const id = request.url.endsWith('?fields=dry-run') ? 'dry-run=pass' : AUTO_NETWORK;
    return { auto_allocated_topology: { id } };
  });
  for (const [path, singular] of Object.entries(PATHS)) {
    const plural = `${singular}s` as keyof NetworkState;
    const rows = state[plural];
    app.get(`/v2.0/${path}`, async (request) => {
      const query = new URLSearchParams(request.url.split('?')[1] ?? '');
      const found = [...rows.values()].filter((row) =>
        [...new Set(query.keys())].every(
          (key) =>
            key === 'fields' ||
            (key === 'fixed_ips'
              ? hasAddress(row, query.get(key))
              : query.getAll(key).includes(String(row[key]))),
        ),
      );
      return { [plural]: found };
    });
    app.get(`/v2.0/${path}/:id`, async (request, reply) => {
      const row = rows.get((request.params as { id: string }).id);
      return row ? { [singular]: row } : reply.code(404).send(missing(singular));
    });
    app.put(`/v2.0/${path}/:id`, async (request, reply) => {
      const { id } = request.params as { id: string };
      const row = rows.get(id);
      if (!row) return reply.code(404).send(missing(singular));
      const changed = { ...row, ...(request.body as Record<string, object>)[singular] };
      rows.set(id, changed);
      return { [singular]: changed };
    });
    app.post(`/v2.0/${path}`, async (request, reply) => {
      const row = {
        id: crypto.randomUUID(),
        ...(singular === 'security_group' ? { security_group_rules: [] } : {}),
        ...(request.body as Record<string, object>)[singular],
      };
      rows.set(row.id, row);
      return reply.code(201).send({ [singular]: row });
    });
    app.delete(`/v2.0/${path}/:id`, async (request, reply) => {
      rows.delete((request.params as { id: string }).id);
      return reply.code(204).send();
    });
  }
  return app;
}

/** Of a filter's forms only `ip_address=…`. */
const hasAddress = (row: Row, filter: string | null): boolean =>
  ((row['fixed_ips'] ?? []) as ReadonlyArray<{ ip_address: string }>).some(
    (each) => `ip_address=${each.ip_address}` === filter,
  );

const missing = (what: string): unknown => ({
  NeutronError: { type: `${what}NotFound`, message: `${what} could not be found.`, detail: '' },
});
