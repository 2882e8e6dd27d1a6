// A launch trace as text for a terminal: one line a hop with a bar in the launch's time, evidence below it. Pure.
import type { LaunchTrace, TracedHop } from '#compute/servers/launch-trace/view.ts';

export interface RenderOptions {
  /** Columns for the bars; 40 reads well on 120 columns. */
  readonly barWidth?: number;
  readonly evidence: boolean;
  readonly color: boolean;
  /** Milliseconds since the epoch, for what still runs. */
  readonly now: number;
}

const BAR_WIDTH = 40;
const PAINT = { done: 32, running: 33, failed: 31, undoing: 35, undone: 90, 'undo-failed': 31 } as const;

export function renderTrace(trace: LaunchTrace, options: RenderOptions): string {
  const end = Math.max(
    options.now * Number(trace.state === 'running'),
    ...trace.hops.filter((hop) => hop.hop !== 'ready').map((hop) => endOf(hop, options.now)),
  );
  const start = Math.min(
    ...trace.hops.map((hop) => Date.parse(hop.started_at)),
    Date.parse(trace.started_at),
  );
  const lines = [heading(trace, start), ''];
  for (let attempt = 1; attempt <= trace.attempts; attempt++) {
    if (trace.attempts > 1) lines.push(`attempt ${attempt}`);
    for (const hop of trace.hops.filter((each) => each.attempt === attempt))
      lines.push(...hopLines(hop, { start, end, options }));
  }
  if (trace.fault !== null) lines.push('', `fault: ${trace.fault}`);
  return lines.join('\n');
}

function heading(trace: LaunchTrace, start: number): string {
  const took = trace.finished_at
    ? `in ${formatMs(Date.parse(trace.finished_at) - start)}`
    : `running, until ${trace.deadline_at} at the latest`;
  const words =
    trace.action === 'create'
      ? { done: 'launched', failed: 'failed', running: 'launching' }
      : {
          done: `${trace.action} done`,
          failed: `${trace.action} failed`,
          running: `${trace.action} under way`,
        };
  const word = words[trace.state as keyof typeof words] ?? trace.state;
  return `${trace.server_name} (${trace.server_id}) ${word} ${took}${trace.host ? ` on ${trace.host}` : ''}, request ${trace.request_id}`;
}

interface Frame {
  readonly start: number;
  readonly end: number;
  readonly options: RenderOptions;
}

function hopLines(hop: TracedHop, { start, end, options }: Frame): string[] {
  const from = Date.parse(hop.started_at);
  const number = hop.number === null ? '  ' : String(hop.number).padStart(2);
  const path = hop.from === '' ? (hop.actor ?? '') : `${hop.from} → ${hop.to}`;
  const bar = timeBar(
    from - start,
    endOf(hop, options.now) - start,
    end - start,
    options.barWidth ?? BAR_WIDTH,
  );
  const duration = hop.ended_at ? formatMs(Date.parse(hop.ended_at) - from) : '…';
  const painted = options.color
    ? `\u001b[${PAINT[hop.state as keyof typeof PAINT] ?? 0}m${bar}\u001b[0m`
    : bar;
  const mark = hop.state === 'done' ? '' : `  ${hop.state}`;
  const lines = [
    `${number} ${hop.hop.padEnd(19)} ${path.padEnd(32)} ${('+' + formatMs(from - start)).padStart(9)} ${duration.padStart(9)} ${painted}${mark}`,
  ];
  const indent = ' '.repeat(25);
  if (hop.error !== null) lines.push(`${indent}reason: ${hop.error}`);
  if (hop.waiting_for !== null)
    lines.push(`${indent}waits for ${hop.waiting_for}${hop.deadline_at ? `, until ${hop.deadline_at}` : ''}`);
  if (options.evidence) lines.push(...evidenceLines(hop.evidence).map((line) => indent + line));
  return lines;
}

function endOf(hop: TracedHop, now: number): number {
  return hop.ended_at ? Date.parse(hop.ended_at) : now;
}

/** `▕   ████   ▏`: where in the whole a hop lies. At least one cell. */
export function timeBar(from: number, to: number, whole: number, width: number): string {
  const scale = whole <= 0 ? 0 : width / whole;
  const first = Math.min(width - 1, Math.max(0, Math.floor(from * scale)));
  const cells = Math.min(width - first, Math.max(1, Math.round((to - from) * scale)));
  return `▕${' '.repeat(first)}${'█'.repeat(cells)}${' '.repeat(width - first - cells)}▏`;
}

function formatMs(ms: number): string {
  return ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`;
}

/** Short facts on one line, lists one item a line. */
function evidenceLines(evidence: Readonly<Record<string, unknown>>): string[] {
  const lines: string[] = [];
  let short = '';
  const flush = (): void => {
    if (short) lines.push(short);
    short = '';
  };
  for (const [key, value] of Object.entries(evidence)) {
    if (Array.isArray(value) && value.some((item) => typeof item === 'object')) {
      flush();
      lines.push(`${key}:`, ...value.flatMap(itemLines).map((line) => `  ${line}`));
      continue;
    }
    const fact = `${key}=${factText(value)}`;
    if (short.length + fact.length > 110) flush();
    short += short ? `  ${fact}` : fact;
  }
  flush();
  return lines;
}

/** An item of a list: its plain facts on one line, lists of objects in it below that. */
function itemLines(item: unknown): string[] {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return [factText(item)];
  const isList = ([, value]: [string, unknown]): boolean =>
    Array.isArray(value) && value.some((each) => typeof each === 'object');
  const entries = Object.entries(item);
  const plain = Object.fromEntries(entries.filter((entry) => !isList(entry)));
  const lists = entries.filter(isList);
  return [
    factText(plain),
    ...lists.flatMap(([key, list]) => [
      `  ${key}:`,
      ...(list as unknown[]).flatMap(itemLines).map((line) => `    ${line}`),
    ]),
  ];
}

function factText(value: unknown): string {
  if (value === null) return '-';
  if (Array.isArray(value)) return value.map(factText).join(',') || '-';
  if (typeof value === 'object')
    return Object.entries(value as object)
      .map(
        ([key, each]) =>
          `${key}=${typeof each === 'object' && each !== null && !Array.isArray(each) ? `{${factText(each)}}` : factText(each)}`,
      )
      .join(' ');
  return String(value);
}
