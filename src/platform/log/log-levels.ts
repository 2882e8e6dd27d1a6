// The named loggers of one part of a program, whose levels an operator can look at and change while it runs. Levels are told
// in the words of the field's APIs.
import type { Log } from './log.ts';

export const LEVEL_NAMES = ['DEBUG', 'INFO', 'WARNING', 'ERROR'] as const;
export type LevelName = (typeof LEVEL_NAMES)[number];

const LEVELS: Readonly<Record<LevelName, string>> = {
  DEBUG: 'debug',
  INFO: 'info',
  WARNING: 'warn',
  ERROR: 'error',
};
/** Levels that can be started with and not be set. */
const SHOWN: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(LEVELS).map(([name, level]) => [level, name])),
  trace: 'DEBUG',
  fatal: 'CRITICAL',
  silent: 'CRITICAL',
};

export class LogLevels {
  readonly #root: Log;
  readonly #loggers = new Map<string, Log>();

  /** Loggers start at the level of `root`, and leave it alone. */
  constructor(root: Log) {
    this.#root = root;
  }

  /** `volume.api`: the same one each time. Children that are made of it go their own way from then on. */
  logger(name: string): Log {
    const known = this.#loggers.get(name) ?? this.#root.child({ logger: name });
    this.#loggers.set(name, known);
    return known;
  }

  /** Of all whose names begin with `prefix`; the empty one begins every name. */
  set(prefix: string, level: LevelName): void {
    for (const [name, logger] of this.#loggers) if (name.startsWith(prefix)) logger.level = LEVELS[level];
  }

  get(prefix: string): Record<string, string> {
    return Object.fromEntries(
      [...this.#loggers]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, { level }]) => [name, SHOWN[level] ?? level.toUpperCase()]),
    );
  }
}
