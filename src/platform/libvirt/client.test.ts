// The client against a small server in this process that speaks the same protocol by the same codec.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, test } from 'node:test';
import { LibvirtClient } from './client.ts';
import { writeDomain } from './codec.ts';
import { ErrorCode, LibvirtConnectionError, LibvirtError } from './errors.ts';
import { encodePacket, PacketSplitter, PacketStatus, PacketType, Program } from './packet.ts';
import type { Packet } from './packet.ts';
import { connectGetHostname, domainLookupByName, domainScreenshot } from './procedures.ts';
import { LibvirtSession } from './session.ts';
import { XdrWriter } from './xdr.ts';

type Answer = (packet: Packet, peer: Peer) => void;

/** One accepted connection: answers by procedure number; the handshake is answered unless told otherwise. */
class Peer {
  readonly socket: net.Socket;
  readonly seen: Packet[] = [];
  constructor(socket: net.Socket, answers: Map<number, Answer>) {
    this.socket = socket;
    const splitter = new PacketSplitter();
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      for (const packet of splitter.push(chunk)) {
        this.seen.push(packet);
        if (packet.type === PacketType.call) answers.get(packet.procedure)?.(packet, this);
        if (packet.type === PacketType.stream) answers.get(-1)?.(packet, this);
      }
    });
  }
  send(to: Packet, type: number, status: number, payload: Uint8Array = Buffer.alloc(0)): void {
    this.socket.write(encodePacket({ ...to, type, status }, payload));
  }
  reply(to: Packet, payload?: Uint8Array): void {
    this.send(to, PacketType.reply, PacketStatus.ok, payload);
  }
}

const DOMAIN = { name: 'd1', uuid: '22222222-2222-4222-8222-222222222222', id: 7 };
const errorPayload = new XdrWriter().int(42).int(10).optionalString('no such domain').int(2).bytes();

let dir: string;
let server: net.Server;
let peers: Peer[];
let answers: Map<number, Answer>;
const address = () => ({ path: path.join(dir, 's') });

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'plc-'));
  peers = [];
  answers = new Map<number, Answer>([
    [66, (packet, peer) => peer.reply(packet, new XdrWriter().uint(1).int(0).bytes())],
    [60, (packet, peer) => peer.reply(packet, new XdrWriter().int(1).bytes())],
    [1, (packet, peer) => peer.reply(packet)],
    [2, (packet, peer) => peer.reply(packet)],
    [59, (packet, peer) => peer.reply(packet, new XdrWriter().string('h1').bytes())],
    [23, (packet, peer) => peer.send(packet, PacketType.reply, PacketStatus.error, errorPayload)],
    [201, (packet, peer) => peer.reply(packet)],
    [316, (packet, peer) => peer.reply(packet, new XdrWriter().int(3).bytes())],
  ]);
  server = net.createServer((socket) => peers.push(new Peer(socket, answers)));
  server.listen(address().path);
  await once(server, 'listening');
});

afterEach(async () => {
  for (const peer of peers) peer.socket.destroy();
  server.close();
  await rm(dir, { recursive: true, force: true });
});

const isLost = (code: string) => (error: unknown) =>
  error instanceof LibvirtConnectionError && error.code === code;

test('matches replies to calls whatever their order', async () => {
  const held: Packet[] = [];
  answers.set(59, (packet, peer) => {
    held.push(packet);
    if (held.length < 3) return;
    for (const one of held.toReversed()) peer.reply(one, new XdrWriter().string(`h${one.serial}`).bytes());
  });
  await using client = await LibvirtClient.connect({ address: address() });
  const names = await Promise.all([1, 2, 3].map(() => client.call(connectGetHostname, undefined)));
  assert.deepEqual(
    names,
    held.map(({ serial }) => `h${serial}`),
  );
});

test('makes a refusal an error with code, domain and procedure', async () => {
  await using client = await LibvirtClient.connect({ address: address() });
  await assert.rejects(client.call(domainLookupByName, 'x'), (error) => {
    assert.ok(error instanceof LibvirtError);
    const { code, domain, message, procedure } = error;
    assert.deepEqual(
      [code, domain, message, procedure],
      [ErrorCode.noDomain, 10, 'no such domain', 'domainLookupByName'],
    );
    return true;
  });
});

test('reads packets however the bytes are cut', async () => {
  answers.set(59, (packet, peer) => {
    const bytes = encodePacket({ ...packet, type: PacketType.reply }, new XdrWriter().string('cut').bytes());
    for (const byte of bytes) peer.socket.write(Buffer.of(byte));
  });
  await using client = await LibvirtClient.connect({ address: address() });
  assert.equal(await client.call(connectGetHostname, undefined), 'cut');
});

test('keeps to the limit of calls under way', async () => {
  const held: (() => void)[] = [];
  answers.set(59, (packet, peer) => held.push(() => peer.reply(packet, new XdrWriter().string('h').bytes())));
  await using client = await LibvirtClient.connect({ address: address(), maxInFlight: 2 });
  const calls = [1, 2, 3, 4, 5].map(() => client.call(connectGetHostname, undefined));
  for (let done = 0; done < 5;) {
    await until(() => held.length > 0);
    assert.ok(held.length <= 2);
    for (const answer of held.splice(0)) {
      answer();
      done += 1;
    }
  }
  await Promise.all(calls);
});

test('gives up a call in time, and survives its late answer', async () => {
  let late = (): void => undefined;
  answers.set(59, (packet, peer) => {
    late = () => peer.reply(packet, new XdrWriter().string('late').bytes());
  });
  await using client = await LibvirtClient.connect({ address: address() });
  await assert.rejects(client.call(connectGetHostname, undefined, { timeoutMs: 20 }), isLost('timeout'));
  late();
  answers.set(59, (packet, peer) => peer.reply(packet, new XdrWriter().string('h').bytes()));
  assert.equal(await client.call(connectGetHostname, undefined), 'h');
});

test('fails every open call when the peer goes, speaks nonsense, or wants a password', async () => {
  answers.set(59, (_packet, peer) => peer.socket.destroy());
  const gone = await LibvirtClient.connect({ address: address() });
  await assert.rejects(gone.call(connectGetHostname, undefined), isLost('closed'));
  await assert.rejects(gone.call(connectGetHostname, undefined), isLost('closed'));
  answers.set(59, (_packet, peer) => peer.socket.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')));
  const nonsense = await LibvirtClient.connect({ address: address() });
  await assert.rejects(nonsense.call(connectGetHostname, undefined), isLost('protocol'));
  answers.set(66, (packet, peer) => peer.reply(packet, new XdrWriter().uint(1).int(1).bytes()));
  await assert.rejects(LibvirtClient.connect({ address: address() }), isLost('refused'));
  await assert.rejects(LibvirtClient.connect({ address: { path: `${dir}/none` } }), isLost('refused'));
});

test('answers pings, and finds a peer dead that answers none', async () => {
  await using client = await LibvirtClient.connect({
    address: address(),
    keepalive: { intervalMs: 20, count: 2 },
  });
  const [peer] = peers;
  assert.ok(peer);
  const ping = { program: Program.keepalive, procedure: 1, type: PacketType.message, serial: 0, status: 0 };
  peer.socket.write(encodePacket(ping, Buffer.alloc(0)));
  await until(() =>
    peer.seen.some(({ program, procedure }) => program === Program.keepalive && procedure === 2),
  );
  assert.ok(isLost('timeout')(await client.closed));
});

test('delivers events to their listener until it is taken off', async () => {
  await using client = await LibvirtClient.connect({ address: address() });
  const events: string[] = [];
  const off = await client.onDomainEvent('deviceRemoved', ({ domain, alias }) =>
    events.push(`${domain.name} ${alias}`),
  );
  const [peer] = peers;
  assert.ok(peer);
  const message = { program: Program.remote, procedure: 333, type: PacketType.message, serial: 0, status: 0 };
  const payload = writeDomain(new XdrWriter().int(3), DOMAIN).string('net1').bytes();
  peer.socket.write(encodePacket(message, payload));
  await until(() => events.length > 0);
  assert.deepEqual(events, ['d1 net1']);
  answers.set(317, (packet, from) => from.reply(packet));
  await off();
});

test('carries a stream both ways and ends it', async () => {
  answers.set(-1, (packet, peer) => {
    if (packet.status === PacketStatus.continue)
      peer.send(packet, PacketType.stream, PacketStatus.continue, packet.payload);
    else peer.send(packet, PacketType.stream, PacketStatus.ok);
  });
  await using client = await LibvirtClient.connect({ address: address() });
  const console = await client.openConsole(DOMAIN);
  console.end(Buffer.alloc(100_000, 'x'));
  assert.equal((await text(console)).length, 100_000);
});

test('reads a stream whose data comes before the reply, and says that it has finished', async () => {
  let finished = 0;
  answers.set(-1, (packet, peer) => {
    finished += 1;
    peer.send(packet, PacketType.stream, PacketStatus.ok);
  });
  answers.set(domainScreenshot.number, (packet, peer) => {
    peer.send(packet, PacketType.stream, PacketStatus.continue, Buffer.from('early'));
    peer.send(packet, PacketType.stream, PacketStatus.continue);
    peer.reply(packet, new XdrWriter().optionalString('image/png').bytes());
  });
  await using client = await LibvirtClient.connect({ address: address() });
  const shot = { domain: DOMAIN, screen: 0, flags: 0 };
  const { result, stream } = await client.callStream(domainScreenshot, shot);
  assert.equal(result, 'image/png');
  assert.equal(await text(stream), 'early');
  assert.equal(finished, 1);
});

test('a stream that fails before its call is answered harms nobody', async () => {
  answers.set(domainScreenshot.number, (packet, peer) => {
    peer.send(packet, PacketType.stream, PacketStatus.continue, Buffer.from('early'));
    peer.socket.destroy();
  });
  await using client = await LibvirtClient.connect({ address: address() });
  const shot = { domain: DOMAIN, screen: 0, flags: 0 };
  await assert.rejects(client.callStream(domainScreenshot, shot), LibvirtConnectionError);
});

test('a session connects again when the connection is lost', async () => {
  let connects = 0;
  await using session = new LibvirtSession({
    connect: () => LibvirtClient.connect({ address: address() }),
    onConnect: async () => {
      connects += 1;
    },
    backoff: { minMs: 5, maxMs: 20 },
  });
  assert.equal(await (await session.client()).call(connectGetHostname, undefined), 'h1');
  peers[0]?.socket.destroy();
  await until(() => connects === 2);
  assert.equal(await (await session.client()).call(connectGetHostname, undefined), 'h1');
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadline) assert.fail('the condition never came true');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
