/**
 * `config.yaml` in the data directory: what an operator sets of the services' options. Names are those of each service's
 * `config.ts`; what is not written there keeps its default. Read once, at the start.
 */
import { readFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { Type, type Static } from 'typebox';
import { parse } from 'yaml';
import { DEFAULT_IMAGE_CONFIG } from '#image/config.ts';
import { findProblem } from '#platform/http/validate.ts';
import { ConfigInvalid } from './errors.ts';
import type { CloudTuning } from './tuning.ts';

export const CONFIG_FILE = 'config.yaml';

const strict = { additionalProperties: false } as const;
const count = (minimum: number) => Type.Optional(Type.Integer({ minimum, maximum: 2 ** 53 - 1 }));
/** A day at most for bounds in time: what is later is as good as never. */
const ms = Type.Optional(Type.Integer({ minimum: 100, maximum: 86_400_000 }));
const text = Type.Optional(Type.String({ minLength: 1, maxLength: 255 }));
const limit = Type.Optional(Type.Integer({ minimum: -1, maximum: 2 ** 53 - 1 }));

const identity = Type.Object(
  {
    tokenLifetimeSeconds: count(60),
    maxActiveKeys: count(2),
    maxPasswordLength: Type.Optional(Type.Integer({ minimum: 8, maximum: 4096 })),
    maxProjectDepth: count(1),
    security: Type.Optional(
      Type.Object(
        {
          lockoutFailureAttempts: count(1),
          lockoutDurationSeconds: count(1),
          uniqueLastPasswordCount: count(0),
          minimumPasswordAgeDays: count(0),
          passwordExpiresDays: count(1),
          passwordRegex: Type.Optional(Type.String({ minLength: 1, maxLength: 255, format: 'regex' })),
          passwordRegexDescription: text,
          changePasswordUponFirstUse: Type.Optional(Type.Boolean()),
        },
        strict,
      ),
    ),
  },
  strict,
);

const compute = Type.Object(
  {
    launchDeadlineMs: ms,
    actionDeadlineMs: ms,
    snapshotDeadlineMs: ms,
    moveDeadlineMs: ms,
    allowResizeToSameHost: Type.Optional(Type.Boolean()),
    resizeConfirmWindowMs: count(0),
    maxConcurrentLiveMigrations: count(0),
    consoleTokenTtlMs: ms,
    serviceDownMs: ms,
    defaultAvailabilityZone: text,
    rescueImageId: Type.Optional(Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' })),
    shelvedOffloadTime: limit,
    reclaimInstanceInterval: count(0),
    maxLimit: count(1),
  },
  strict,
);

const image = Type.Object(
  {
    maxImageBytes: count(1),
    maxProperties: count(0),
    maxTags: count(0),
    maxMembers: count(0),
    importMethods: Type.Optional(
      Type.Array(
        Type.Union([Type.Literal('glance-direct'), Type.Literal('web-download'), Type.Literal('copy-image')]),
      ),
    ),
    importsAtOnce: count(1),
    importDeadlineMs: ms,
    webDownload: Type.Optional(
      Type.Object(
        {
          ports: Type.Optional(Type.Array(Type.Integer({ minimum: 1, maximum: 65_535 }))),
          insideNetworks: Type.Optional(
            Type.Array(Type.String({ pattern: String.raw`^[0-9a-fA-F.:]+/\d{1,3}$` })),
          ),
          maxRedirects: count(0),
          answerMs: ms,
        },
        strict,
      ),
    ),
    quotas: Type.Optional(
      Type.Object(
        {
          image_size_total: limit,
          image_stage_total: limit,
          image_count_total: limit,
          image_count_uploading: limit,
        },
        strict,
      ),
    ),
  },
  strict,
);

const volume = Type.Object(
  {
    defaultVolumeType: text,
    cluster: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9._-]{1,128}$' })),
    defaultAvailabilityZone: text,
    allowAvailabilityZoneFallback: Type.Optional(Type.Boolean()),
    maxLimit: count(1),
    maxAttempts: count(1),
    serviceDownMs: ms,
    operationMs: ms,
    transferMs: ms,
    messageTtlMs: count(1000),
  },
  strict,
);

const kbps = count(0);
const network = Type.Object(
  {
    /** By physical network. */
    resourceProviderBandwidths: Type.Optional(
      Type.Record(
        Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' }),
        Type.Object({ egress: kbps, ingress: kbps }, strict),
      ),
    ),
  },
  strict,
);

const configFile = Type.Object(
  {
    identity: Type.Optional(identity),
    compute: Type.Optional(compute),
    image: Type.Optional(image),
    network: Type.Optional(network),
    volume: Type.Optional(volume),
  },
  strict,
);

/** Options of `config.yaml`; none when there is no such file. @throws ConfigInvalid that names what is wrong in it */
export function readConfigFile(directory: string): CloudTuning {
  const path = join(directory, CONFIG_FILE);
  if (!existsSync(path)) return {};
  const content = parseYaml(path);
  const problem = findProblem(configFile, content);
  if (problem) {
    const at = problem.path.slice(1).replaceAll('/', '.') || 'the file';
    throw new ConfigInvalid(`${path}: ${at} ${problem.message}`);
  }
  const { image: images, ...rest } = content as Static<typeof configFile>;
  if (!images) return rest;
  const { webDownload, quotas, ...plain } = images;
  return {
    ...rest,
    image: {
      ...plain,
      ...(webDownload ? { webDownload: { ...DEFAULT_IMAGE_CONFIG.webDownload, ...webDownload } } : {}),
      ...(quotas ? { quotas: { ...DEFAULT_IMAGE_CONFIG.quotas, ...quotas } } : {}),
    },
  };
}

function parseYaml(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8')) ?? {};
  } catch (error) {
    throw new ConfigInvalid(`${path} is no YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** `over` wins, service by service and option by option. */
export function mergeTuning(under: CloudTuning, over: CloudTuning): CloudTuning {
  const keys = new Set([...Object.keys(under), ...Object.keys(over)]) as Set<keyof CloudTuning>;
  return Object.fromEntries([...keys].map((key) => [key, { ...under[key], ...over[key] }]));
}
