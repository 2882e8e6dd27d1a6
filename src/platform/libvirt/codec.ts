// Structs that many procedures share: references to domains and secrets, typed parameters.
import type { XdrReader, XdrWriter } from './xdr.ts';
import { XdrError } from './xdr.ts';

/** How libvirt names a domain on the wire. `id` is -1 while it does not run. */
export interface DomainRef {
  readonly name: string;
  /** Lower case with dashes. */
  readonly uuid: string;
  readonly id: number;
}

export interface SecretRef {
  readonly uuid: string;
  readonly usageType: number;
  readonly usageId: string;
}

export type TypedValue = number | bigint | boolean | string;
export type TypedParams = ReadonlyMap<string, TypedValue>;

const UUID_PATTERN = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

export function writeUuid(writer: XdrWriter, uuid: string): XdrWriter {
  if (!UUID_PATTERN.test(uuid)) throw new XdrError(`not a UUID: ${uuid}`);
  return writer.fixed(Buffer.from(uuid.replaceAll('-', ''), 'hex'));
}

export function readUuid(reader: XdrReader): string {
  const hex = reader.fixed(16).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export function writeDomain(writer: XdrWriter, domain: DomainRef): XdrWriter {
  return writeUuid(writer.string(domain.name), domain.uuid).int(domain.id);
}

export function readDomain(reader: XdrReader): DomainRef {
  return { name: reader.string(), uuid: readUuid(reader), id: reader.int() };
}

export function writeSecret(writer: XdrWriter, secret: SecretRef): XdrWriter {
  return writeUuid(writer, secret.uuid).int(secret.usageType).string(secret.usageId);
}

export function readSecret(reader: XdrReader): SecretRef {
  return { uuid: readUuid(reader), usageType: reader.int(), usageId: reader.string() };
}

function readTypedValue(reader: XdrReader): TypedValue {
  const type = reader.int();
  switch (type) {
    case 1:
      return reader.int();
    case 2:
      return reader.uint();
    case 3:
      return reader.hyper();
    case 4:
      return reader.uhyper();
    case 5:
      return reader.double();
    case 6:
      return reader.int() !== 0;
    case 7:
      return reader.string();
    default:
      throw new XdrError(`typed parameter of unknown type ${type}`);
  }
}

/** What callers send: strings, and unsigned 64-bit numbers as bigint. A name may come several times. */
export type SentParams = readonly (readonly [name: string, value: string | bigint])[];

export function writeTypedParams(writer: XdrWriter, params: SentParams): XdrWriter {
  return writer.array(params, (item, [name, value]) => {
    item.string(name);
    if (typeof value === 'string') item.int(7).string(value);
    else item.int(4).uhyper(value);
  });
}

/** Most parameters libvirt sends in one list. */
const PARAMS_MAX = 262_144;

export function readTypedParams(reader: XdrReader): TypedParams {
  return new Map(reader.array(PARAMS_MAX, (item) => [item.string(), readTypedValue(item)] as const));
}

/** Named 64-bit counters, as node statistics come. */
export function readCounters(reader: XdrReader): ReadonlyMap<string, bigint> {
  return new Map(reader.array(64, (item) => [item.string(), item.uhyper()] as const));
}
