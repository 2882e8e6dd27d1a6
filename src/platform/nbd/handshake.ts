// The fixed newstyle handshake: structured replies, the allocation context, then NBD_OPT_GO. Called by client.ts.
import type { Socket } from 'node:net';
import type { ByteSource } from './byte-source.ts';
import { NbdConnectionError, NbdError } from './errors.ts';
import {
  ALLOCATION_CONTEXT,
  encodeOption,
  encodeString,
  encodeU16,
  encodeU32,
  HANDSHAKE_MAGIC,
  HandshakeFlag,
  Info,
  isOptionError,
  MAX_PAYLOAD,
  Option,
  OPTION_MAGIC,
  OPTION_REPLY_MAGIC,
  OptionError,
  OptionReply,
} from './protocol.ts';

export interface ExportInfo {
  readonly size: number;
  /** Bits of ExportFlag. */
  readonly flags: number;
  readonly minBlock: number;
  readonly maxPayload: number;
  readonly structured: boolean;
  /** Number of the allocation context; undefined where the server does not tell what is allocated. */
  readonly allocationContext: number | undefined;
}

/** A reply to an option is a few hundred bytes; one that claims megabytes comes from no server. */
const MAX_REPLY = 65_536;

interface Reply {
  readonly type: number;
  readonly data: Buffer;
}

/** @throws NbdError no-export or refused, NbdConnectionError protocol */
export async function negotiate(socket: Socket, source: ByteSource, exportName: string): Promise<ExportInfo> {
  const greeting = await source.take(18);
  if (greeting.readBigUInt64BE(0) !== HANDSHAKE_MAGIC || greeting.readBigUInt64BE(8) !== OPTION_MAGIC)
    throw new NbdConnectionError('protocol', 'the peer is no NBD server of the newstyle handshake');
  const offered = greeting.readUInt16BE(16);
  if ((offered & HandshakeFlag.fixedNewstyle) === 0)
    throw new NbdConnectionError('protocol', 'the server does not speak the fixed newstyle handshake');
  socket.write(encodeU32(offered & (HandshakeFlag.fixedNewstyle | HandshakeFlag.noZeroes)));

  const ask = async (option: number, data: Buffer): Promise<Reply[]> => {
    socket.write(encodeOption(option, data));
    return replies(source, option);
  };
  const structured = succeeded(await ask(Option.structuredReply, Buffer.alloc(0)));
  const allocationContext = structured ? await allocation(ask, exportName) : undefined;
  const request = [encodeString(exportName), encodeU16(1), encodeU16(Info.blockSize)];
  const answers = await ask(Option.go, Buffer.concat(request));
  const last = answers.at(-1);
  if (last && isOptionError(last.type)) throw refusal(last, exportName);
  return { ...readInfo(answers), structured, allocationContext };
}

async function allocation(
  ask: (option: number, data: Buffer) => Promise<Reply[]>,
  exportName: string,
): Promise<number | undefined> {
  const data = Buffer.concat([encodeString(exportName), encodeU32(1), encodeString(ALLOCATION_CONTEXT)]);
  const answers = await ask(Option.setMetaContext, data);
  const context = answers.find(
    ({ type, data: answer }) => type === OptionReply.metaContext && answer.length >= 4,
  );
  return context?.data.readUInt32BE(0);
}

/** All replies to an option: the last one is its end. */
async function replies(source: ByteSource, option: number): Promise<Reply[]> {
  const all: Reply[] = [];
  for (;;) {
    const header = await source.take(20);
    const [type, length] = [header.readUInt32BE(12), header.readUInt32BE(16)];
    if (header.readBigUInt64BE(0) !== OPTION_REPLY_MAGIC || header.readUInt32BE(8) !== option)
      throw new NbdConnectionError('protocol', 'the server answered another option than was asked');
    if (length > MAX_REPLY || all.length > 64)
      throw new NbdConnectionError('protocol', 'the server answers the handshake without end');
    all.push({ type, data: await source.take(length) });
    if (type === OptionReply.ack || isOptionError(type)) return all;
  }
}

const succeeded = (answers: readonly Reply[]): boolean => answers.at(-1)?.type === OptionReply.ack;

function readInfo(answers: readonly Reply[]): Pick<ExportInfo, 'size' | 'flags' | 'minBlock' | 'maxPayload'> {
  const find = (kind: number, length: number): Buffer | undefined =>
    answers.find(
      ({ type, data }) => type === OptionReply.info && data.length >= length && data.readUInt16BE(0) === kind,
    )?.data;
  const info = find(Info.export, 12);
  if (!info) throw new NbdConnectionError('protocol', 'the server did not tell the size of the export');
  const size = info.readBigUInt64BE(2);
  if (size > BigInt(Number.MAX_SAFE_INTEGER))
    throw new NbdConnectionError('protocol', `an export of ${size} bytes is larger than can be counted`);
  const block = find(Info.blockSize, 14);
  return {
    size: Number(size),
    flags: info.readUInt16BE(10),
    minBlock: block?.readUInt32BE(2) ?? 1,
    maxPayload: Math.min(block?.readUInt32BE(10) ?? MAX_PAYLOAD, MAX_PAYLOAD),
  };
}

function refusal({ type, data }: Reply, exportName: string): NbdError {
  const said = data.toString('utf8');
  if (type === OptionError.unknownExport)
    return new NbdError('no-export', `there is no export ${exportName}${said === '' ? '' : `: ${said}`}`);
  return new NbdError('refused', `the server refused export ${exportName} (${type.toString(16)}): ${said}`);
}
