// The generated passwords of a cloud's first users: made once, kept in the data directory, readable by its owner only.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { DataDirectory } from '../data-directory.ts';

const FILE = 'credentials.json';

export interface Credentials {
  /** @throws Error naming the file when the password is not known */
  passwordOf(user: string): string;
}

/** Adds what bootstrap made to what is kept; passwords that are kept stay. */
export function keepCredentials(data: DataDirectory, made: Readonly<Record<string, string>>): Credentials {
  const kept = (data.readJson(FILE) ?? {}) as Record<string, string>;
  const all = { ...kept, ...made };
  if (Object.keys(made).length > 0) data.writeJson(FILE, all);
  return {
    passwordOf: (user) => {
      const password = all[user];
      if (password === undefined)
        throw new Error(`${join(data.path, FILE)} has no password of user ${user}: it was removed or edited`);
      return password;
    },
  };
}

export interface CloudsFile {
  readonly origin: string;
  readonly region: string;
  readonly credentials: Credentials;
}

/** Writes clouds.yaml with the clouds `pileus` (demo) and `pileus-admin`. @returns its path */
export function writeCloudsYaml(data: DataDirectory, { origin, region, credentials }: CloudsFile): string {
  const cloud = (username: string, project: string) => ({
    auth: {
      auth_url: `${origin}/identity/v3`,
      username,
      password: credentials.passwordOf(username),
      project_name: project,
      user_domain_name: 'Default',
      project_domain_name: 'Default',
    },
    region_name: region,
    identity_api_version: 3,
    interface: 'public',
  });
  const path = join(data.path, 'clouds.yaml');
  const head =
    '# How clients reach this cloud. OS_CLIENT_CONFIG_FILE names this file, OS_CLOUD one of the clouds below.\n';
  writeFileSync(
    path,
    head + stringify({ clouds: { pileus: cloud('demo', 'demo'), 'pileus-admin': cloud('admin', 'admin') } }),
    { mode: 0o600 },
  );
  return path;
}
