// A whole cloud for tests, in a directory of its own and on a free port: real programs, or the models of src/sim.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assemble } from '#cloud/assemble.ts';
import { up, type RunningCloud, type UpOptions } from '#cloud/up.ts';
import { runCommand, type CommandResult } from '#platform/supervise/run-command.ts';
import { readCloud, type CloudAccess } from '#cli/cloud-access.ts';

export interface TestCloud extends AsyncDisposable {
  readonly running: RunningCloud;
  readonly dataPath: string;
  readonly cloudsYaml: string;
  /** Logged in as demo (`pileus`) or admin (`pileus-admin`). */
  access(cloud?: CloudName): Promise<CloudAccess>;
  /** The unmodified client. Resolves also when it fails: look at `code`. */
  openstack(
    args: readonly string[],
    options?: { cloud?: CloudName; deadlineMs?: number; input?: string },
  ): Promise<CommandResult>;
  /** The client's answer in JSON. @throws CommandError when it fails */
  openstackJson(
    args: readonly string[],
    options?: { cloud?: CloudName; deadlineMs?: number },
  ): Promise<unknown>;
}

export type CloudName = 'pileus' | 'pileus-admin';

/** `dataPath`: an existing directory to go on with; it then stays at the end. */
export async function startCloud(options: Partial<UpOptions> = {}): Promise<TestCloud> {
  const kept = options.dataPath;
  const dataPath = kept ?? (await mkdtemp(join(tmpdir(), 'pileus-')));
  const running = await up({ listen: '127.0.0.1:0', ...options, dataPath }, assemble);
  const cloudsYaml = join(running.data.path, 'clouds.yaml');
  const openstack: TestCloud['openstack'] = async (
    args,
    { cloud = 'pileus', deadlineMs = 120_000, input } = {},
  ) =>
    runCommand(['openstack', ...args], {
      env: { OS_CLIENT_CONFIG_FILE: cloudsYaml, OS_CLOUD: cloud },
      deadlineMs,
      okCodes: [0, 1, 2],
      ...(input === undefined ? {} : { input }),
    });
  return {
    running,
    dataPath,
    cloudsYaml,
    access: async (cloud = 'pileus') => readCloud(running.data.path, cloud),
    openstack,
    openstackJson: async (args, how = {}) => {
      const { stdout } = await runCommand(['openstack', ...args, '-f', 'json'], {
        env: { OS_CLIENT_CONFIG_FILE: cloudsYaml, OS_CLOUD: how.cloud ?? 'pileus' },
        deadlineMs: how.deadlineMs ?? 120_000,
      });
      return JSON.parse(stdout) as unknown;
    },
    [Symbol.asyncDispose]: async () => {
      await running.close();
      if (kept === undefined) await rm(dataPath, { recursive: true, force: true });
    },
  };
}

/** The cloud's own log, for a test that failed. */
export async function cloudLog(cloud: TestCloud): Promise<string> {
  return readFile(join(cloud.running.data.path, 'log', 'pileus.log'), 'utf8').catch(() => '');
}
