/** What the command line reads from the environment, and its defaults. */
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

export const DEFAULT_LISTEN = '127.0.0.1:8790';

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** PILEUS_DATA, else /var/lib/pileus for root and ~/.local/share/pileus for others. */
export function defaultDataPath(): string {
  const named = process.env['PILEUS_DATA'];
  if (named) return resolve(named);
  return isRoot() ? '/var/lib/pileus' : join(homedir(), '.local', 'share', 'pileus');
}

/** The cloud that the shell's `openstack` speaks to (OS_CLIENT_CONFIG_FILE), else the default one. */
export function clientsDataPath(): string {
  const file = process.env['OS_CLIENT_CONFIG_FILE'];
  return file && basename(file) === 'clouds.yaml' ? dirname(resolve(file)) : defaultDataPath();
}

/** Where OpenTelemetry's own variable says that spans go; undefined: nowhere. */
export function defaultTraceEndpoint(): string | undefined {
  return process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] || undefined;
}

/** For options that name a path. Commander passes a second argument, which `resolve` would take for a path too. */
export function toPath(value: string): string {
  return resolve(value);
}

/** The environment of a process that loads a module before all else, which writes into a directory. */
export function withRecorder(module: string, directory: string): NodeJS.ProcessEnv {
  const options = [process.env['NODE_OPTIONS'], `--import=${module}`].filter(Boolean).join(' ');
  return { ...process.env, NODE_OPTIONS: options, RECORD_OPERATIONS: directory };
}
