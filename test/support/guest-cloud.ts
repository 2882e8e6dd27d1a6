// What tests on real guests share: the cloud's API as demo or admin, servers as the API shows them, and a shell in a guest
// through its serial console, which needs no network. Used by test/launch and test/hosts.
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { CloudAccess } from '#cli/cloud-access.ts';
import type { CloudName, TestCloud } from './cloud.ts';
import { until } from './until.ts';

export type Json = Record<string, unknown>;

export interface Server {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly addresses: Record<
    string,
    Array<{ addr: string; version: 4 | 6; 'OS-EXT-IPS:type': 'fixed' | 'floating' }>
  >;
  readonly fault?: { readonly message: string };
  readonly [more: string]: unknown;
}

/** Newest of what the tests use. */
const VERSIONS = 'compute 2.90, volume 3.70';
/** A guest under an emulated CPU, beside others: 4 s alone. */
export const BOOT_MS = 60_000;
/** A console that says nothing for so long waits for something, also under an emulated CPU beside others. */
const SILENCE_MS = 4_000;
/** What comes after such a pause is another answer. */
const PAUSE_MS = 200;

export class CloudApi {
  readonly access: CloudAccess;
  readonly projectId: string;

  constructor(access: CloudAccess, projectId: string) {
    this.access = access;
    this.projectId = projectId;
  }

  static async of(cloud: TestCloud, name: CloudName = 'pileus'): Promise<CloudApi> {
    return CloudApi.at(await cloud.access(name));
  }

  static async at(access: CloudAccess): Promise<CloudApi> {
    const answer = await fetch(`${access.origin}/identity/v3/auth/tokens`, {
      headers: { 'x-auth-token': access.token, 'x-subject-token': access.token },
    });
    const { token } = (await answer.json()) as { token: { project: { id: string } } };
    return new CloudApi(access, token.project.id);
  }

  /** @throws Error with status and body when the answer is no success */
  async call<T = Json>(method: string, path: string, body?: unknown): Promise<T> {
    const { status, text } = await this.try(method, path, body);
    if (status >= 400) throw new Error(`${method} ${path}: ${status} ${text.slice(0, 500)}`);
    return (text === '' ? {} : JSON.parse(text)) as T;
  }

  async try(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const answer = await fetch(this.access.origin + path, {
      method,
      headers: {
        'x-auth-token': this.access.token,
        accept: 'application/json',
        'openstack-api-version': VERSIONS,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, text: await answer.text() };
  }

  /** POSTs to the network service; `kind` is the body's key, its plural the path. */
  async make<T = Json & { id: string }>(kind: string, body: Json): Promise<T> {
    const made = await this.call<Record<string, T>>('POST', `/network/v2.0/${plural(kind)}`, {
      [kind.replaceAll('-', '_')]: body,
    });
    return made[kind.replaceAll('-', '_')]!;
  }

  async update<T = Json>(kind: string, id: string, body: Json): Promise<T> {
    const key = kind.replaceAll('-', '_');
    return (
      await this.call<Record<string, T>>('PUT', `/network/v2.0/${plural(kind)}/${id}`, { [key]: body })
    )[key]!;
  }

  /** The first of a collection of the network service that matches the query. */
  async find<T = Json & { id: string }>(kind: string, query: string): Promise<T> {
    const listed = await this.call<Record<string, T[]>>('GET', `/network/v2.0/${plural(kind)}?${query}`);
    const [found] = Object.values(listed)[0] ?? [];
    if (!found) throw new Error(`there is no ${kind} with ${query}`);
    return found;
  }

  async imageId(name: string): Promise<string> {
    const { images } = await this.call<{ images: Array<{ id: string }> }>(
      'GET',
      `/image/v2/images?name=${name}`,
    );
    if (!images[0]) throw new Error(`there is no image ${name}`);
    return images[0].id;
  }

  async flavorId(name: string): Promise<string> {
    const { flavors } = await this.call<{ flavors: Array<{ id: string; name: string }> }>(
      'GET',
      '/compute/v2.1/flavors',
    );
    return flavors.find((flavor) => flavor.name === name)?.id ?? '';
  }

  /** Answers as soon as the API has. `networks` default: a port on `private`. */
  async boot(
    name: string,
    { image = 'pileus-demo', flavor = 'm1.nano', hints, ...more }: BootOptions = {},
  ): Promise<{ id: string; adminPass: string }> {
    const networks = more['networks'] ?? [{ uuid: (await this.find('network', 'name=private')).id }];
    const { server } = await this.call<{ server: { id: string; adminPass: string } }>(
      'POST',
      '/compute/v2.1/servers',
      {
        server: {
          name,
          imageRef: await this.imageId(image),
          flavorRef: await this.flavorId(flavor),
          ...more,
          networks,
        },
        ...(hints ? { 'os:scheduler_hints': hints } : {}),
      },
    );
    return server;
  }

  async server(id: string): Promise<Server> {
    return (await this.call<{ server: Server }>('GET', `/compute/v2.1/servers/${id}`)).server;
  }

  /** Waits for a status; an ERROR that is not wanted ends it at once. */
  async untilStatus(id: string, status: string, deadlineMs = BOOT_MS): Promise<Server> {
    return until(
      async () => {
        const server = await this.server(id);
        if (server.status === 'ERROR' && status !== 'ERROR')
          throw new Error(`${server.name} is in ERROR: ${server.fault?.message}`);
        return server.status === status && server['OS-EXT-STS:task_state'] === null ? server : undefined;
      },
      { deadlineMs, what: `server ${id} to be ${status}` },
    );
  }

  async act(id: string, action: Json): Promise<Json> {
    return this.call('POST', `/compute/v2.1/servers/${id}/action`, action);
  }

  async consoleLog(id: string): Promise<string> {
    const { output } = await this.act(id, { 'os-getConsoleOutput': {} });
    return String(output);
  }

  /** Waits until the guest's console says so. @returns the match */
  async untilConsole(id: string, pattern: RegExp, deadlineMs = BOOT_MS): Promise<RegExpExecArray> {
    return until(async () => pattern.exec(await this.consoleLog(id)) ?? undefined, {
      deadlineMs,
      what: `${pattern} on the console of ${id}`,
      everyMs: 200,
    });
  }

  /** A guest that is up, with a shell in it. */
  async guest(id: string): Promise<Guest> {
    await this.untilStatus(id, 'ACTIVE');
    await this.untilConsole(id, /^PILEUS-READY/m);
    return Guest.open(this, id);
  }

  /** Does what makes the guest boot again, and waits until it has. */
  async rebooted(id: string, act: () => Promise<unknown>): Promise<Guest> {
    const before = await this.boots(id);
    await act();
    await this.untilStatus(id, 'ACTIVE');
    await this.#untilBoots(id, before + 1);
    return Guest.open(this, id);
  }

  /** How often the guest has come up, as the console log at hand tells. */
  async boots(id: string): Promise<number> {
    return (await this.consoleLog(id)).split('PILEUS-READY').length - 1;
  }

  /** A shell in a guest whose console log is another one now, in which it has come up so often. */
  async again(id: string, boots: number): Promise<Guest> {
    await this.#untilBoots(id, boots);
    return Guest.open(this, id);
  }

  async #untilBoots(id: string, boots: number): Promise<void> {
    let log = '';
    await until(async () => (log = await this.consoleLog(id)).split('PILEUS-READY').length > boots, {
      deadlineMs: BOOT_MS,
      what: () => `boot ${boots} of ${id}, whose console ends with\n${log.slice(-2000)}`,
    });
  }

  async consoleUrl(id: string, kind: 'serial' | 'vnc'): Promise<string> {
    const remote_console =
      kind === 'serial' ? { protocol: 'serial', type: 'serial' } : { protocol: 'vnc', type: 'novnc' };
    const made = await this.call<{ remote_console: { url: string } }>(
      'POST',
      `/compute/v2.1/servers/${id}/remote-consoles`,
      { remote_console },
    );
    return made.remote_console.url;
  }

  async remove(id: string): Promise<void> {
    await this.call('DELETE', `/compute/v2.1/servers/${id}`);
    await until(async () => (await this.try('GET', `/compute/v2.1/servers/${id}`)).status === 404, {
      deadlineMs: 60_000,
      what: `server ${id} to be gone`,
    });
  }
}

export type BootOptions = Json & { image?: string; flavor?: string; hints?: Json };

const plural = (kind: string): string => (kind.endsWith('s') ? kind : `${kind}s`);

export function fixedAddress(server: Server, version: 4 | 6 = 4, network?: string): string {
  const all = Object.entries(server.addresses)
    .filter(([name]) => network === undefined || name === network)
    .flatMap(([, list]) => list);
  const found = all.find((each) => each.version === version && each['OS-EXT-IPS:type'] === 'fixed');
  if (!found) throw new Error(`${server.name} has no address of version ${version}`);
  return found.addr;
}

/** A root shell on the serial console. The console belongs to one client at a time: close it before opening another. */
export class Guest implements AsyncDisposable {
  readonly #api: CloudApi;
  readonly #id: string;
  #socket: WebSocket | undefined;
  #text = '';
  #count = 0;

  private constructor(api: CloudApi, id: string) {
    this.#api = api;
    this.#id = id;
  }

  static async open(api: CloudApi, id: string): Promise<Guest> {
    const guest = new Guest(api, id);
    await guest.#connect();
    return guest;
  }

  /** Runs a shell command. @returns what it printed @throws Error when it ends with another code than 0 */
  async run(command: string, deadlineMs = 30_000): Promise<string> {
    const { code, output } = await this.tryRun(command, deadlineMs);
    if (code !== 0) throw new Error(`in ${this.#id}: ${command}: code ${code}: ${output}`);
    return output;
  }

  async tryRun(command: string, deadlineMs = 30_000): Promise<{ code: number; output: string }> {
    if (this.#socket?.readyState !== WebSocket.OPEN) await this.#connect();
    const mark = `@${process.pid}.${++this.#count}`;
    const from = this.#text.length;
    this.#send(
      `echo; echo "${mark}[";{ ${command}; } </dev/null 2>&1; code=$?; echo; echo "${mark}]$code"\n`,
    );
    const pattern = new RegExp(`${mark}\\[\\n([^]*?)\\n${mark}\\](\\d+)`);
    const match = await this.#see(pattern, from, deadlineMs);
    const lines = match[1]!.split('\n').filter((line) => !/^(PILEUS-|user-data:)/.test(line));
    return { code: Number(match[2]), output: lines.join('\n').trim() };
  }

  /** Whether one ping of a few is answered. */
  async pings(address: string, tries = 3): Promise<boolean> {
    const { code } = await this.tryRun(
      `for i in $(seq ${tries}); do ping -c 1 -W 1 ${address} && break; done`,
      tries * 3000 + 10_000,
    );
    return code === 0;
  }

  /** Sends a command that ends the guest or the session: its answer is not waited for. */
  send(command: string): void {
    this.#send(`${command}\n`);
  }

  #send(text: string): void {
    this.#socket?.send(Buffer.from(text));
  }

  /** Logs in where a login is offered, and leaves a shell that neither echoes nor prompts. */
  async #connect(): Promise<void> {
    const socket = new WebSocket(await this.#api.consoleUrl(this.#id, 'serial'));
    socket.binaryType = 'nodebuffer';
    socket.on('message', (data: Buffer) => (this.#text += data.toString('utf8').replaceAll('\r', '')));
    socket.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
      socket.once('close', (code, reason) => reject(new Error(`console closed: ${code} ${String(reason)}`)));
    });
    this.#socket = socket;
    await this.#logIn();
    // A shell that reads whole lines neither edits, echoes nor prompts. What is typed while it begins may be lost.
    this.#send('stty -echo -onlcr; while IFS= read -r line; do eval "$line"; done\n');
    let quiet = this.#text.length;
    await until(
      async () => {
        const said = this.#text.slice(quiet);
        quiet = this.#text.length;
        this.#send('echo quiet-$((40+2))\n');
        await sleep(50);
        return /^quiet-42\n/m.test(said) && !said.includes('((');
      },
      { deadlineMs: BOOT_MS, everyMs: 50, what: `a quiet shell in ${this.#id}` },
    );
  }

  /**
   * A guest on a busy machine answers after seconds, and whatever is typed before it asks is taken for a name or a password.
   * So each line is sent once the answer to the one before has come.
   */
  async #logIn(): Promise<void> {
    const from = this.#text.length;
    let typed = '\r'; // as a keyboard would: getty goes by it
    let silent = 0;
    const look = async (): Promise<boolean> => {
      const said = await this.#answerTo(typed);
      if (/ # ?$|:~# [^\n]*$/.test(said) || said.includes('shell-42')) return true;
      silent = said === '' ? silent + 1 : 0;
      if (/login: [^\n]*$/.test(said)) typed = 'root\r';
      else if (/assword: ?$/.test(said)) typed = '\r';
      else if (silent === 0) typed = ''; // an echo, or on its way to a login
      // Nothing at all: still booting, or the quiet shell of a test that did not end well.
      else typed = silent % 2 === 1 ? 'echo shell-$((40+2))\n' : '\r';
      return false;
    };
    await until(look, {
      deadlineMs: 2 * BOOT_MS,
      everyMs: 10,
      what: () =>
        `a shell on the console of ${this.#id}, which said ${JSON.stringify(this.#text.slice(from))}`,
    });
  }

  /** What the console says from now on until it pauses; the empty text when it says nothing for seconds. */
  async #answerTo(typed: string): Promise<string> {
    const from = this.#text.length;
    if (typed !== '') this.#send(typed);
    const end = Date.now() + SILENCE_MS;
    let length = from;
    for (;;) {
      await sleep(PAUSE_MS);
      if (this.#text.length === length && (length > from || Date.now() > end)) return this.#text.slice(from);
      length = this.#text.length;
    }
  }

  async #see(pattern: RegExp, from: number, deadlineMs: number): Promise<RegExpExecArray> {
    return until(async () => pattern.exec(this.#text.slice(from)) ?? undefined, {
      deadlineMs,
      everyMs: 20,
      what: () =>
        `${pattern} from ${this.#id}, which said ${JSON.stringify(this.#text.slice(from).slice(-800))}`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const socket = this.#socket;
    if (!socket || socket.readyState !== WebSocket.OPEN) return;
    // Leaves an ordinary shell with an ordinary terminal to whoever opens the console next.
    this.#send('stty sane; break 99\n');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.close();
    await Promise.race([closed, sleep(2000, undefined, { ref: false })]);
    socket.terminate();
  }
}
