// The directory of an instance that moves: kept under the move's name where it comes from, put back when the move is taken
// back. Renames alone, so that each half of a step can be told from what is there, and may be repeated.
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import type { HostConfig } from '../config.ts';
import { instancePaths, movePaths } from '../paths.ts';

const there = async (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** From then on the instance has no directory here. */
export async function keepDirectory(config: HostConfig, instanceId: string, uuid: string): Promise<string[]> {
  const { dir } = instancePaths(config, instanceId);
  const { kept } = movePaths(config, instanceId, uuid);
  if (!(await there(kept))) {
    if (await there(dir)) await rename(dir, kept);
    else await mkdir(kept, { recursive: true, mode: 0o700 });
  }
  return readdir(kept);
}

/** The move never happened: what was made here since is given up. */
export async function putBackDirectory(config: HostConfig, instanceId: string, uuid: string): Promise<void> {
  const { dir } = instancePaths(config, instanceId);
  const { kept } = movePaths(config, instanceId, uuid);
  if (!(await there(kept))) return;
  await rm(dir, { recursive: true, force: true });
  await rename(kept, dir);
}

/** The move is taken back, but perhaps that fails: what was made here since stays aside. */
export async function exchangeDirectories(
  config: HostConfig,
  instanceId: string,
  uuid: string,
): Promise<void> {
  const { dir } = instancePaths(config, instanceId);
  const { kept, aside } = movePaths(config, instanceId, uuid);
  if (!(await there(kept))) return;
  if ((await there(dir)) && !(await there(aside))) await rename(dir, aside);
  await rename(kept, dir);
}

/** @param here whether the instance is to have a directory here again */
export async function exchangeBack(
  config: HostConfig,
  instanceId: string,
  uuid: string,
  here: boolean,
): Promise<void> {
  const { dir } = instancePaths(config, instanceId);
  const { kept, aside } = movePaths(config, instanceId, uuid);
  if (here && !(await there(aside))) return;
  if (!(await there(kept)) && (await there(dir))) await rename(dir, kept);
  if (here) await rename(aside, dir);
}

export async function removeKept(config: HostConfig, instanceId: string, uuid: string): Promise<void> {
  const { kept, aside } = movePaths(config, instanceId, uuid);
  for (const path of [kept, aside]) await rm(path, { recursive: true, force: true });
}
