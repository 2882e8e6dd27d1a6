/**
 * `pileus test interop`: Debian's tempest runs the tests that an OpenStack Powered product must pass against a cloud that
 * runs, or against one that is started for it.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assemble } from '#cloud/assemble.ts';
import { INTEROP_PACKAGES, findMissing, installMissing } from '#cloud/packages.ts';
import { lineProgress, liveProgress } from '#cloud/progress.ts';
import { up } from '#cloud/up.ts';
import { DEFAULT_IMAGE_CONFIG } from '#image/config.ts';
import { isRoot } from '../../config.ts';
import { cloudFacts, forgetOtherImage } from './cloud-facts.ts';
import { readGuideline, type RequiredTest } from './guideline.ts';
import { readKnownMisses } from './known.ts';
import { interopReport, type InteropReport } from './report.ts';
import { runTempest, type LeftOut, type TempestResult } from './tempest.ts';
import { tempestConf } from './tempest-conf.ts';
import { wideReport, type WideReport } from './wide-report.ts';

export interface InteropOptions {
  /** Data directory of a cloud that runs; else one is started and ended. */
  readonly dataPath?: string;
  /** Start a cloud on the models. It has no guests: what logs in to one is left out of its tests. */
  readonly simulated?: boolean;
  /** Only tests whose name matches one of these regular expressions; the guideline's when absent. */
  readonly regexes?: readonly string[];
  readonly only?: (test: RequiredTest) => boolean;
  readonly workers?: number;
  /** Of the cloud that is started: one on real programs, on models three. */
  readonly hosts?: number;
  readonly deadlineMs?: number;
  readonly onResult?: (result: TempestResult) => void;
  /** Ends tempest, and then the cloud that was started for it. */
  readonly signal?: AbortSignal;
}

export interface InteropOutcome {
  readonly report: InteropReport;
  /** Of everything that ran, also what no guideline names. */
  readonly wide: WideReport;
}

/** Tempest sleeps most of its time: a second between two looks at a state. */
const WORKERS = 4;
const DEADLINE_MS = 4 * 60 * 60_000;

export async function runInterop(options: InteropOptions): Promise<InteropOutcome> {
  const required = readGuideline().filter((test) => options.only?.(test) ?? true);
  await using cloud = options.dataPath === undefined ? await ownCloud(options) : undefined;
  const dataPath = options.dataPath ?? cloud?.dataPath ?? '';
  const directory = await mkdtemp(join(tmpdir(), 'pileus-interop-'));
  try {
    const facts = await cloudFacts(dataPath, directory);
    const results = await runTempest({
      directory,
      conf: tempestConf(
        facts,
        directory,
        cloud && { security: SECURITY_RULES, webImage: cloud.webImage, physnet: PHYSNET },
      ),
      include: options.regexes ?? required.map(({ id }) => id),
      leftOut: [...GONE, ...(cloud ? [] : [NO_WEB]), ...(facts.simulated ? [NO_GUESTS] : [])],
      workers: options.workers ?? WORKERS,
      deadlineMs: options.deadlineMs ?? DEADLINE_MS,
      ...(options.onResult ? { onResult: options.onResult } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    return {
      report: interopReport(required, results),
      wide: wideReport(results, readKnownMisses(), facts.simulated),
    };
  } finally {
    await forgetOtherImage(dataPath);
    await rm(directory, { recursive: true, force: true });
  }
}

/** Off as a rule, as upstream; the guideline's tests of lockout and password history want them on. */
const SECURITY_RULES = {
  lockoutFailureAttempts: 3,
  lockoutDurationSeconds: 5,
  uniqueLastPasswordCount: 2,
} as const;

/** Their switches come with others that the cloud offers. */
const GONE: readonly LeftOut[] = [
  {
    prefix: 'tempest.api.compute.admin.test_agents.',
    why: 'guest agents are gone from compute, upstream too',
  },
  {
    prefix:
      'tempest.api.compute.admin.test_servers.ServersAdminTestJSON.test_reset_network_inject_network_info',
    why: 'resetNetwork and injectNetworkInfo are gone from compute, upstream too',
  },
];
/** The one class that reaches guests without a switch that says whether it can. */
const NO_GUESTS: LeftOut = {
  prefix: 'tempest.scenario.test_network_basic_ops.',
  why: 'the models run no guest that answers',
};
const NO_WEB: LeftOut = {
  prefix: 'tempest.api.image.v2.test_images.ImportImagesTest.test_image_web_download_import',
  why: 'a cloud that was not started for this may not fetch from here',
};

const STORES = [
  { id: 'file', kind: 'file', description: 'Files of the image service', default: true },
  { id: 'spare', kind: 'file', description: 'More files of the image service' },
] as const;
const WEB_IMAGE_BYTES = 2 ** 20;
/** The one that private clouds and models have. */
const PHYSNET = 'physnet1';
const KBPS = 1_000_000;

interface OwnCloud extends AsyncDisposable {
  readonly dataPath: string;
  readonly webImage: string;
}

/** With all that tempest asks for: rules for passwords, two image stores, an image on the web; models give it backends too. */
async function ownCloud({ simulated = false, hosts }: InteropOptions): Promise<OwnCloud> {
  await using owned = new AsyncDisposableStack();
  const dataPath = await mkdtemp(join(tmpdir(), 'pileus-'));
  owned.defer(async () => rm(dataPath, { recursive: true, force: true }));
  const web = owned.use(await serveWebImage());
  const { webDownload } = DEFAULT_IMAGE_CONFIG;
  const image = {
    stores: STORES,
    webDownload: { ...webDownload, ports: [...webDownload.ports, web.port], insideNetworks: ['127.0.0.1'] },
  };
  const network = { resourceProviderBandwidths: { [PHYSNET]: { egress: KBPS, ingress: KBPS } } };
  const tuning = { identity: { security: SECURITY_RULES }, image, network };
  const wanted = hosts ?? (simulated ? SIMULATED_HOSTS : 1);
  const running = await up({ listen: '127.0.0.1:0', dataPath, simulated, hosts: wanted, tuning }, assemble);
  owned.defer(async () => running.close());
  const all = owned.move();
  return {
    dataPath,
    webImage: `http://127.0.0.1:${web.port}/image`,
    [Symbol.asyncDispose]: async () => all.disposeAsync(),
  };
}

/** Models have a storage backend for each host. */
const SIMULATED_HOSTS = 3;

async function serveWebImage(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((_request, answer) => answer.end(Buffer.alloc(WEB_IMAGE_BYTES)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Installs tempest where it is missing. @throws Error when only root could */
export async function installTempest(): Promise<void> {
  if (findMissing(INTEROP_PACKAGES).length === 0) return;
  if (!isRoot())
    throw new Error('tempest is not installed, and only root can install it: apt-get install tempest');
  const title = 'Packages';
  const progress = process.stdout.isTTY ? liveProgress(process.stdout) : lineProgress(process.stdout);
  progress.begin(title, title);
  try {
    await installMissing(INTEROP_PACKAGES, {
      say: (text) => progress.say(title, text),
      at: (detail) => progress.at(title, detail),
      signal: AbortSignal.timeout(15 * 60_000),
    });
    progress.done(title);
  } finally {
    progress.close();
  }
}
