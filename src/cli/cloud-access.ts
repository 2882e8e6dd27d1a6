/** Reaches a running cloud as one of the clouds in its clouds.yaml. For commands that show something of it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { defaultDataPath } from './config.ts';

interface CloudEntry {
  readonly auth: {
    readonly auth_url: string;
    readonly username: string;
    readonly password: string;
    readonly project_name: string;
    readonly user_domain_name: string;
    readonly project_domain_name: string;
  };
}

export interface CloudAccess {
  readonly origin: string;
  readonly admin: boolean;
  readonly token: string;
  /** GET of a path below the origin. @throws Error with the cloud's own words */
  get(path: string): Promise<unknown>;
}

/** Logs in. @throws Error that says what is missing: no such cloud there, or it does not run */
export async function readCloud(dataPath: string, name: string): Promise<CloudAccess> {
  const file = join(dataPath, 'clouds.yaml');
  const text = await readFile(file, 'utf8').catch(() => {
    throw new Error(`${file} does not exist: no cloud was started with --data ${dataPath}`);
  });
  const entry = (parse(text) as { clouds?: Record<string, CloudEntry> }).clouds?.[name];
  if (!entry) throw new Error(`${file} has no cloud named ${name}`);
  const origin = new URL(entry.auth.auth_url).origin;
  const token = await logIn(entry).catch((cause: unknown) => {
    const start = `./pileus up${dataFlag(dataPath)}`;
    throw new Error(`the cloud at ${origin} does not answer: is it running? Start it with ${start}`, {
      cause,
    });
  });
  return {
    origin,
    admin: name.endsWith('admin'),
    token,
    get: async (path) => {
      const answer = await fetch(origin + path, {
        headers: { 'x-auth-token': token, accept: 'application/json' },
      });
      const body = await answer.text();
      if (!answer.ok) throw new Error(`${answer.status}: ${body.slice(0, 500)}`);
      return JSON.parse(body) as unknown;
    },
  };
}

/** ` --data DIR`, in a shell's words; nothing where `up` takes the directory by itself. */
function dataFlag(dataPath: string): string {
  if (dataPath === defaultDataPath()) return '';
  return ` --data ${/^[\w/.,:@+-]+$/.test(dataPath) ? dataPath : `'${dataPath.replaceAll("'", String.raw`'\''`)}'`}`;
}

async function logIn({ auth }: CloudEntry): Promise<string> {
  const answer = await fetch(`${auth.auth_url.replace(/\/$/, '')}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: {
          methods: ['password'],
          password: {
            user: { name: auth.username, password: auth.password, domain: { name: auth.user_domain_name } },
          },
        },
        scope: { project: { name: auth.project_name, domain: { name: auth.project_domain_name } } },
      },
    }),
  });
  const token = answer.headers.get('x-subject-token');
  if (!token) throw new Error(`the cloud refused the credentials of clouds.yaml: ${answer.status}`);
  return token;
}
