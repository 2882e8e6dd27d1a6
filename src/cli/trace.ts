/** `pileus trace SERVER`: prints a launch in the order of the launch path, from the REST endpoint of a running cloud. */
import { Command } from 'commander';
import { readCloud } from './cloud-access.ts';
import { DEFAULT_LISTEN, clientsDataPath, toPath } from './config.ts';
import { renderTrace } from './trace/render.ts';
import type { LaunchTrace } from '#compute/servers/launch-trace/view.ts';

interface TraceFlags {
  readonly data: string;
  readonly cloud: string;
  readonly brief?: boolean;
  readonly json?: boolean;
  readonly follow?: boolean;
  readonly action: string;
}

const FOLLOW_MS = 500;

export function traceCommand(): Command {
  return new Command('trace')
    .description(
      'show how a server was launched, or what else was done to it, hop by hop, with the evidence of each',
    )
    .argument('<server>', 'name or id')
    .option('--data <directory>', "the cloud's data directory", toPath, clientsDataPath())
    .option(
      '--cloud <name>',
      'whose eyes: pileus-admin sees hosts, pileus what the project may see',
      'pileus-admin',
    )
    .option('--action <name>', 'what was done to it: resize, migrate … or a request id', 'create')
    .option('--brief', 'without the evidence')
    .option('--json', 'the record as the endpoint answers it')
    .option('--follow', 'again and again until the launch has ended')
    .addHelpText(
      'after',
      `\nThe cloud is found by clouds.yaml in the data directory (by default the one that OS_CLIENT_CONFIG_FILE is in); it listens on ${DEFAULT_LISTEN} by default.`,
    )
    .action(async (server: string, flags: TraceFlags) => {
      const cloud = await readCloud(flags.data, flags.cloud);
      for (;;) {
        const trace = await fetchTrace(cloud, server, flags.action);
        console.log(
          flags.json
            ? JSON.stringify(trace, null, 2)
            : renderTrace(trace, { evidence: !flags.brief, color: process.stdout.isTTY, now: Date.now() }),
        );
        if (!flags.follow || trace.state !== 'running') return;
        await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
      }
    });
}

type Cloud = Awaited<ReturnType<typeof readCloud>>;

async function fetchTrace(cloud: Cloud, server: string, action: string): Promise<LaunchTrace> {
  const id = await findServer(cloud, server);
  const path = `/compute/v2.1/servers/${encodeURIComponent(id)}/launch-trace`;
  const answer = (await cloud.get(`${path}?action=${encodeURIComponent(action)}`)) as {
    launch_trace: LaunchTrace;
  };
  return answer.launch_trace;
}

/** An id is taken as it is, since the record outlives the server; a name must be one server's. */
async function findServer(cloud: Cloud, server: string): Promise<string> {
  if (/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(server)) return server;
  const query = new URLSearchParams({
    name: `^${server.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}$`,
    ...(cloud.admin ? { all_tenants: '1' } : {}),
  });
  const { servers } = (await cloud.get(`/compute/v2.1/servers?${query.toString()}`)) as {
    servers: ReadonlyArray<{ id: string; name: string }>;
  };
  if (servers.length === 0)
    throw new Error(`there is no server ${server}; 'openstack server list' shows what there is`);
  if (servers.length > 1)
    throw new Error(
      `${servers.length} servers are named ${server}: give the id of one of ${servers.map((each) => each.id).join(', ')}`,
    );
  return servers[0]!.id; // the length was checked
}
