/** The option `--listen` of every command that takes it: what `up` refuses, `doctor` refuses in the same words. */
import { InvalidArgumentError } from 'commander';

/** @throws InvalidArgumentError for a port alone, a port that is none, or no port */
export function parseListen(value: string): string {
  const port = Number(/^.+:(\d{1,5})$/.exec(value)?.[1] ?? Number.NaN);
  if (!(port >= 0 && port <= 65_535))
    throw new InvalidArgumentError('It is address:port, such as 127.0.0.1:8790.');
  return value;
}
