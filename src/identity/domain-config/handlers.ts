// The options that a domain sets itself: shown, set as a whole, changed, removed. They are kept for those who configure
// domains with them; no driver of this service reads them.
import { Reply, type Call } from '#platform/http/api.ts';
import { DEFAULT_DOMAIN } from '../bootstrap.ts';
import type { DomainOptionRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';
import { NotFound, Refused } from '../errors.ts';
import { findProject } from '../projects/store.ts';
import { lookUp } from '../resource.ts';
import { DEFAULTS, isGroup, isOption, isSensitive } from './options.ts';
import { listOptions, removeOptions, setOptions } from './store.ts';

type Config = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The part of a configuration that the path names. */
interface Part {
  readonly group: string | undefined;
  readonly option: string | undefined;
}

const SECURITY = 'security_compliance';

export async function showConfig(call: Call, deps: IdentityDeps): Promise<unknown> {
  const part = partOf(call);
  const forAll = part.group === SECURITY;
  call.enforce(forAll ? 'identity:get_security_compliance_domain_config' : 'identity:get_domain_config');
  const domainId = await domainOf(call, deps);
  if (forAll) return { config: securityConfig(deps, domainId, part.option) };
  checkNames(part);
  const shown = configOf((await listOptions(deps.db.kysely, domainId)).filter((row) => isIn(row, part)));
  if (Object.keys(shown).length === 0) throw absent(domainId, part);
  return { config: narrowed(shown, part) };
}

/** Only of the default domain, whose rules hold for all. */
function securityConfig(deps: IdentityDeps, domainId: string, option: string | undefined): object {
  const { passwordRegex, passwordRegexDescription } = deps.config.security;
  const readable: Readonly<Record<string, string | null>> = {
    password_regex: passwordRegex ?? null,
    password_regex_description: passwordRegexDescription ?? null,
  };
  if (domainId !== DEFAULT_DOMAIN) {
    throw refused(
      'Reading security compliance information for any domain other than the default domain is not allowed or supported.',
    );
  }
  if (option === undefined) return { [SECURITY]: readable };
  if (!Object.hasOwn(readable, option)) {
    throw refused(
      'Reading security compliance values other than password_regex and password_regex_description is not allowed.',
    );
  }
  return { [option]: readable[option] };
}

export async function showDefault(call: Call): Promise<unknown> {
  const part = partOf(call);
  checkNames(part);
  const { group, option } = part;
  if (group !== undefined && option !== undefined && isSensitive(group, option)) {
    throw refused(`Reading the default for option ${option} in group ${group} is not supported`);
  }
  return { config: narrowed(group === undefined ? DEFAULTS : { [group]: DEFAULTS[group] ?? {} }, part) };
}

export async function createConfig(call: Call, deps: IdentityDeps): Promise<Reply> {
  const domainId = await domainOf(call, deps);
  const rows = rowsOf(deps, domainId, givenOf(call));
  const existed = await deps.db.transaction(async (trx) => {
    const before = await listOptions(trx, domainId);
    await removeOptions(trx, domainId);
    await setOptions(trx, rows);
    return before.length > 0;
  });
  return new Reply(existed ? 200 : 201, { config: configOf(await listOptions(deps.db.kysely, domainId)) });
}

export async function updateConfig(call: Call, deps: IdentityDeps): Promise<unknown> {
  const domainId = await domainOf(call, deps);
  const part = partOf(call);
  const { group, option } = part;
  const sent = givenOf(call);
  const config = (group !== undefined && option !== undefined ? { [group]: sent } : sent) as Config;
  const rows = rowsOf(deps, domainId, config);
  checkNames(part);
  checkOnly(config, part);
  await deps.db.transaction(async (trx) => {
    const known = await listOptions(trx, domainId);
    if (group !== undefined && !known.some((row) => isIn(row, part))) throw absent(domainId, part);
    await setOptions(trx, rows);
  });
  const shown = configOf(await listOptions(deps.db.kysely, domainId));
  if (Object.keys(shown).length === 0) throw absent(domainId, { group: undefined, option: undefined });
  return { config: shown };
}

/** A path that names a part takes that part alone. @throws Refused */
function checkOnly(config: Config, { group, option }: Part): void {
  if (group === undefined) return;
  if (Object.keys(config).length !== 1 || config[group] === undefined) {
    throw refused(
      `Trying to update group ${group}, so that, and only that, group must be specified in the config`,
    );
  }
  const names = Object.keys(config[group]);
  if (option !== undefined && (names.length !== 1 || names[0] !== option)) {
    throw refused(
      `Trying to update option ${option} in group ${group}, so that, and only that, option must be specified in the config`,
    );
  }
}

export async function removeConfig(call: Call, deps: IdentityDeps): Promise<unknown> {
  const domainId = await domainOf(call, deps);
  const part = partOf(call);
  checkNames(part);
  await deps.db.transaction(async (trx) => {
    const known = await listOptions(trx, domainId);
    if (part.group !== undefined && !known.some((row) => isIn(row, part))) throw absent(domainId, part);
    await removeOptions(trx, domainId, part.group, part.option);
  });
  return undefined;
}

function partOf(call: Call): Part {
  return { group: call.params['group'], option: call.params['option'] };
}

function isIn(row: DomainOptionRow, { group, option }: Part): boolean {
  return (group === undefined || row.option_group === group) && (option === undefined || row.name === option);
}

function givenOf(call: Call): Config {
  return ((call.body as { config?: Config } | undefined)?.config ?? {}) as Config;
}

/** @throws Refused for what no domain may set */
function rowsOf(deps: IdentityDeps, domainId: string, config: Config): DomainOptionRow[] {
  if (Object.keys(config).length === 0) throw refused('No options specified');
  return Object.entries(config).flatMap(([group, options]) => {
    if (typeof options !== 'object' || options === null || Array.isArray(options)) {
      throw refused(`The value of group ${group} specified in the config should be a dictionary of options`);
    }
    checkNames({ group, option: undefined });
    if (Object.keys(options).length === 0) {
      throw refused(`The value of group ${group} specified in the config should be a dictionary of options`);
    }
    return Object.entries(options).map(([name, value]) => {
      checkNames({ group, option: name });
      const text = JSON.stringify(value);
      const sensitive = isSensitive(group, name);
      return {
        domain_id: domainId,
        option_group: group,
        name,
        value: sensitive ? deps.credentialKeys.seal(Buffer.from(text, 'utf8'), deps.clock.now()) : text,
        sensitive: sensitive ? 1 : 0,
      };
    });
  });
}

/** @throws Refused */
function checkNames({ group, option }: Part): void {
  if (group === undefined) return;
  if (!isGroup(group)) throw refused(`Group ${group} is not supported for domain specific configurations`);
  if (option !== undefined && !isOption(group, option)) {
    throw refused(`Option ${option} in group ${group} is not supported for domain specific configurations`);
  }
}

/** Without what is sensitive. */
function configOf(rows: readonly DomainOptionRow[]): Config {
  const config: Record<string, Record<string, unknown>> = {};
  for (const row of rows.filter((each) => each.sensitive === 0)) {
    config[row.option_group] = { ...config[row.option_group], [row.name]: JSON.parse(row.value) };
  }
  return config;
}

/** Of one option its name and value alone. */
function narrowed(config: Config, { group, option }: Part): object {
  if (group === undefined || option === undefined) return config;
  return { [option]: config[group]?.[option] ?? null };
}

async function domainOf(call: Call, deps: IdentityDeps): Promise<string> {
  const id = call.params['id'] ?? '';
  const row = await lookUp(id, async (key) => findProject(deps.db.kysely, key));
  if (row?.is_domain !== 1) throw new NotFound('domain', id);
  return id;
}

function refused(reason: string): Refused {
  return new Refused(`Invalid domain specific configuration: ${reason}.`);
}

function absent(domainId: string, { group, option }: Part): NotFound {
  const what =
    group === undefined
      ? 'any options'
      : option === undefined
        ? `group ${group}`
        : `option ${option} in group ${group}`;
  return new NotFound('domain configuration', `${what} of domain ${domainId}`);
}
