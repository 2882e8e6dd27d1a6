// What a differential conversation is: steps as data, in conversation/<service>.yaml, said to any cloud by speaker.ts.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';

/** `revoked` had a token that was taken back, `bogus` never had one. `stranger` is a member of another project. */
export const CALLERS = [
  'admin',
  'system',
  'member',
  'reader',
  'stranger',
  'unscoped',
  'none',
  'bogus',
  'revoked',
] as const;
export type Caller = (typeof CALLERS)[number];

export interface Step {
  /** Method and path below the service's endpoint: `GET /servers/{server}`. `network:/v2.0/ports` is another service's,
   * `~/v2.1` lies below the service's root. `{name}` stands for what an earlier step kept, in bodies and headers too. */
  readonly do: string;
  /** Tells steps apart that say the same otherwise. */
  readonly note?: string;
  /** Default: member. */
  readonly as?: Caller;
  /** The microversion: `2.79`. */
  readonly at?: string;
  /** JSON; a text is sent as it stands. */
  readonly body?: unknown;
  /** Null leaves a header out that would be sent by itself. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** Values for later steps: name → path in the answer (`server.id`, `links.0.href`) or `header:location`. */
  readonly keep?: Readonly<Record<string, string>>;
  /** Asked again until the value at the path is one of these; `gone: true` until it is 404. */
  readonly until?: Readonly<Record<string, unknown>>;
  /** How many things are listed is the cloud's affair, and which values they have. */
  readonly loose?: true;
  /** Lays the ground for others and is not compared. */
  readonly unseen?: true;
}

export interface NamedStep extends Step {
  /** One of a kind in its conversation: the key of its answer. */
  readonly name: string;
}

export interface Conversation {
  readonly service: string;
  readonly steps: readonly NamedStep[];
}

const DIRECTORY = join(import.meta.dirname, 'conversation');

const STEP_KEYS = new Set(['do', 'note', 'as', 'at', 'body', 'headers', 'keep', 'until', 'loose', 'unseen']);

export async function listServices(): Promise<string[]> {
  const files = await readdir(DIRECTORY);
  return files.map((file) => file.replace('.yaml', '')).toSorted();
}

/** @throws Error that names the step which is not understood, or has no name of its own */
export async function readConversation(service: string): Promise<Conversation> {
  const steps = parse(await readFile(join(DIRECTORY, `${service}.yaml`), 'utf8')) as Step[];
  const names = new Set<string>();
  return {
    service,
    steps: steps.map((step) => {
      const wrong = Object.keys(step).find((key) => !STEP_KEYS.has(key));
      if (wrong !== undefined) throw new Error(`${service}: ${step.do} has the unknown key ${wrong}`);
      if (!/^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \S+$/.test(step.do))
        throw new Error(`${service}: no method and path: ${step.do}`);
      const name = nameOf(step);
      if (names.has(name)) throw new Error(`${service}: two steps are ${name}: give one a note`);
      names.add(name);
      return { ...step, name };
    }),
  };
}

function nameOf({ do: line, as: caller, at, note }: Step): string {
  return [`${caller ?? 'member'}${at === undefined ? '' : ` ${at}`}: ${line}`, note]
    .filter(Boolean)
    .join(', ');
}
