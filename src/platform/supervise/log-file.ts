/**
 * A child's log file. The child writes to it directly (no pipe through us), so that nothing is lost when we die;
 * rotation copies and truncates, which is safe because the file is open for appending.
 */
import { closeSync, copyFileSync, fstatSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Two files of this size a child: enough for days of a daemon's log, small beside a guest's disk. */
export const LOG_LIMIT_BYTES = 8 * 1024 * 1024;

export class LogFile {
  readonly path: string;
  readonly fd: number;
  readonly #limit: number;

  constructor(path: string, limit = LOG_LIMIT_BYTES) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.path = path;
    this.fd = openSync(path, 'a', 0o600);
    this.#limit = limit;
  }

  note(text: string): void {
    writeSync(this.fd, `${new Date().toISOString()} supervisor: ${text}\n`);
  }

  /** Moves the content to `<path>.1` when it has outgrown the limit. */
  rotate(): void {
    if (fstatSync(this.fd).size <= this.#limit) return;
    copyFileSync(this.path, `${this.path}.1`);
    ftruncateSync(this.fd, 0);
  }

  close(): void {
    closeSync(this.fd);
  }
}
