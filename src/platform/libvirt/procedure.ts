// What a procedure is: its number, how its arguments are written and its result is read.
import { Program } from './packet.ts';
import type { XdrReader, XdrWriter } from './xdr.ts';

export interface Procedure<Args, Result> {
  readonly name: string;
  readonly program: number;
  readonly number: number;
  readonly write: (writer: XdrWriter, args: Args) => unknown;
  readonly read: (reader: XdrReader) => Result;
}

export type Write<Args> = (writer: XdrWriter, args: Args) => unknown;
export type Read<Result> = (reader: XdrReader) => Result;

export const nothing = (): void => undefined;

export function remote<Args, Result>(
  name: string,
  number: number,
  write: Write<Args>,
  read: Read<Result>,
): Procedure<Args, Result> {
  return { name, program: Program.remote, number, write, read };
}

export function qemu<Args, Result>(
  name: string,
  number: number,
  write: Write<Args>,
  read: Read<Result>,
): Procedure<Args, Result> {
  return { name, program: Program.qemu, number, write, read };
}
