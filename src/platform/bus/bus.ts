// The message bus as every service sees it: one contract, made for several transports. There is one so far, in-process
// (`in-process.ts`); `contract.test.ts` is a table that holds each to it. Queue and method names are the launch path's.
import {
  currentContext,
  newContext,
  traceparentOf,
  type RequestContext,
} from '#platform/context/request-context.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { spanOfRequest } from '#platform/trace/trace.ts';

/** Methods of a queue: argument and result are plain JSON. Declared in a service's `rpc.ts`. */
export type RpcContract = { readonly [method: string]: (args: never) => unknown };
type Args<C extends RpcContract, M extends keyof C> = Parameters<C[M]>[0];
type Result<C extends RpcContract, M extends keyof C> = Awaited<ReturnType<C[M]>>;

export interface MessageHeaders {
  readonly request_id: string;
  readonly global_request_id?: string;
  readonly traceparent: string;
}

export interface Message {
  readonly id: string;
  readonly queue: string;
  readonly method: string;
  readonly payload: unknown;
  readonly headers: MessageHeaders;
  /** Set by who sends it again because an earlier delivery was not acknowledged. */
  readonly redelivered?: boolean;
}

/** What a handler learns of the message beside its arguments. */
export interface Delivery {
  readonly id: string;
  readonly queue: string;
  /** True when an earlier delivery was not acknowledged: the handler may have run before. */
  readonly redelivered: boolean;
}

export type RpcHandlers<C extends RpcContract> = {
  readonly [M in keyof C]: (args: Args<C, M>, delivery: Delivery) => Promise<Result<C, M>>;
};

export interface ServeOptions {
  /** Messages handled at once from this queue; more wait in the queue (back-pressure). Default 16. */
  readonly concurrency?: number;
}

export interface Subscription {
  /** No message is taken from then on; those that handlers have go on. */
  close(): Promise<void>;
}

/** A transport. Services use `rpcClient` and `serveRpc` below, and `publish`/`subscribe` for fanout and notifications. */
export interface Bus extends AsyncDisposable {
  readonly kind: 'in-process' | 'rabbitmq';
  /** Waits for the answer; rejects with the handler's error, or a DomainError of kind `timeout` after `deadlineMs`. */
  call(message: Message, deadlineMs: number): Promise<unknown>;
  /**
   * Hands over a message to do work. Resolves once it cannot be lost any more: on RabbitMQ when a quorum queue has it,
   * in-process when a handler has finished with it. Rejects when it was not accepted or its handler failed;
   * the outbox then delivers it again.
   */
  cast(message: Message): Promise<void>;
  serve(
    queue: string,
    handler: (message: Message, delivery: Delivery) => Promise<unknown>,
    options?: ServeOptions,
  ): Promise<Subscription>;
  /** Fanout: every subscriber of `topic` gets it once, if it is there now. A nudge: state decides. */
  publish(topic: string, payload: unknown): Promise<void>;
  /** `topic` is exact, or ends in `.*` for all below it. */
  subscribe(topic: string, listener: (payload: unknown, topic: string) => void): Promise<Subscription>;
}

export interface CallOptions {
  readonly deadlineMs?: number;
}

const CALL_DEADLINE_MS = 30_000; // as long as a client waits for its REST answer; longer calls name their own

export interface RpcClient<C extends RpcContract> {
  call<M extends keyof C & string>(method: M, args: Args<C, M>, options?: CallOptions): Promise<Result<C, M>>;
  cast<M extends keyof C & string>(method: M, args: Args<C, M>): Promise<void>;
  /** The message alone, for an outbox: it is sent when the transaction that stored it has committed. */
  message<M extends keyof C & string>(method: M, args: Args<C, M>): Message;
}

/** A typed client of `queue`. */
export function rpcClient<C extends RpcContract>(bus: Bus, queue: string): RpcClient<C> {
  const message = (method: string, args: unknown): Message => newMessage(queue, method, args);
  return {
    message,
    call: <M extends keyof C & string>(method: M, args: Args<C, M>, options?: CallOptions) =>
      bus.call(message(method, args), options?.deadlineMs ?? CALL_DEADLINE_MS) as Promise<Result<C, M>>,
    cast: async (method, args) => bus.cast(message(method, args)),
  };
}

/** Serves `queue` with one function a method, each run in the sender's request context. */
export async function serveRpc<C extends RpcContract>(
  bus: Bus,
  queue: string,
  handlers: RpcHandlers<C>,
  options?: ServeOptions,
): Promise<Subscription> {
  const table = handlers as unknown as Record<
    string,
    (args: unknown, delivery: Delivery) => Promise<unknown>
  >;
  return bus.serve(
    queue,
    async (message, delivery) => {
      const handler = Object.hasOwn(table, message.method) ? table[message.method] : undefined;
      if (!handler)
        throw new DomainError(
          'not-supported',
          'unknown-method',
          `queue ${queue} has no method ${message.method}`,
        );
      return spanOfRequest(`rpc ${message.method}`, contextOf(message.headers), async () =>
        handler(message.payload, delivery),
      );
    },
    options,
  );
}

export function newMessage(queue: string, method: string, payload: unknown): Message {
  const context = currentContext() ?? newContext();
  return {
    id: crypto.randomUUID(),
    queue,
    method,
    payload,
    headers: {
      request_id: context.requestId,
      ...(context.globalRequestId ? { global_request_id: context.globalRequestId } : {}),
      traceparent: traceparentOf(context),
    },
  };
}

function contextOf(headers: MessageHeaders): RequestContext {
  const context = newContext({
    traceparent: headers.traceparent,
    globalRequestId: headers.global_request_id,
  });
  return { ...context, requestId: headers.request_id };
}
