// Root disks as files of the host: a qcow2 overlay over the cached image, in the instance's directory.
import { createReadStream } from 'node:fs';
import { access, mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readQcow2Header } from '#drivers/disk-image/qcow2-header.ts';
import { writeOverlay } from '#drivers/disk-image/qcow2-overlay.ts';
import { runCommand } from '#platform/supervise/run-command.ts';
import type { HostConfig } from '../config.ts';
import { instancePaths } from '../paths.ts';
import type { HostDisks, RootDisks } from './port.ts';

const COPY_DEADLINE_MS = 1_800_000;

export function createFileRootDisks(config: HostConfig): HostDisks {
  const at = (instanceId: string): string => instancePaths(config, instanceId).disk;
  return {
    ...disksAt(config, at),
    rescue: disksAt(config, (instanceId) => `${at(instanceId)}.rescue`),
  };
}

function disksAt(config: HostConfig, pathOf: (instanceId: string) => string): RootDisks {
  return {
    canClone: () => false,
    clone: async () => {
      throw new Error('root disks in files are not cloned');
    },
    make: async (instanceId, base, virtualSize) => {
      const { dir } = instancePaths(config, instanceId);
      const disk = pathOf(instanceId);
      await mkdir(dir, { recursive: true, mode: 0o700 });
      await writeOverlay({
        path: disk,
        virtualSize,
        ...(base ? { backing: { path: base.path, format: base.format } } : {}),
      });
      return { at: disk, bytesCopied: 0 };
    },
    source: (instanceId) => ({
      kind: 'file',
      path: pathOf(instanceId),
      format: 'qcow2',
    }),
    exists: async (instanceId) =>
      access(pathOf(instanceId)).then(
        () => true,
        () => false,
      ),
    remove: async (instanceId) => rm(pathOf(instanceId), { force: true }),
    copy: async (instanceId, name, standStill) => {
      const disk = pathOf(instanceId);
      const copy = join(instancePaths(config, instanceId).dir, `snapshot-${name}`);
      const remove = async (): Promise<void> => rm(copy, { force: true });
      try {
        await standStill(async () => {
          const convert = ['qemu-img', 'convert', '-U', '-O', 'qcow2', disk, copy];
          await runCommand(convert, { deadlineMs: COPY_DEADLINE_MS });
        });
        const { size } = await stat(copy);
        return { stream: createReadStream(copy), size, [Symbol.asyncDispose]: remove };
      } catch (error) {
        await remove();
        throw error;
      }
    },
    shared: false,
    grow: async (instanceId, sizeBytes) => {
      const path = pathOf(instanceId);
      const header = await readQcow2Header(path);
      if (header && header.virtualSize < sizeBytes)
        await runCommand(['qemu-img', 'resize', '-q', '-f', 'qcow2', path, String(sizeBytes)]);
    },
    keep: async () => undefined,
    putBack: async () => undefined,
    forget: async () => undefined,
    list: async () => [], // they go with the instance's directory
  };
}
