/**
 * What a cloud could leave behind on the machine: processes, namespaces, interfaces, mounts and addresses. Tests list
 * it before and after; other work on the machine goes on meanwhile, so it is narrowed to what is this test's.
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** Everything on the machine that mentions one of the words (paths of data directories, prefixes). */
export function auditMachine(words: readonly string[]): string[] {
  const mentions = (text: string): boolean => words.some((word) => text.includes(word));
  return [
    ...processes().filter(mentions),
    ...names('/run/netns')
      .map((name) => `netns ${name}`)
      .filter(mentions),
    ...names('/sys/class/net')
      .map((name) => `link ${name}`)
      .filter(mentions),
    ...readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => `mount ${line}`)
      .filter(mentions),
  ];
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** One text a process: its command, environment and directory. This process is left out. */
function processes(): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .flatMap((pid) => {
      try {
        const read = (file: string): string =>
          readFileSync(`/proc/${pid}/${file}`, 'utf8').replaceAll('\0', ' ');
        return [`process ${pid} ${read('cmdline')} ${read('environ')} ${readlinkSync(`/proc/${pid}/cwd`)}`];
      } catch {
        return [];
      }
    });
}
