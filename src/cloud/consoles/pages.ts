// The two console pages. Scripts are files of this origin, since the pages allow no inline ones.

export function vncPage(): string {
  return page('noVNC console', 'vnc', '');
}

export function serialPage(): string {
  return page(
    'Serial console',
    'serial',
    '<link rel="stylesheet" href="/console/assets/xterm/css/xterm.css">',
  );
}

function page(title: string, script: string, head: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${title}</title>
<link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>html,body{height:100%;margin:0;background:#16181d;color:#d7dae0;font:14px system-ui,sans-serif}body{display:flex;flex-direction:column}
header{display:flex;gap:1em;align-items:center;padding:.5em 1em;background:#22252c}button{font:inherit}#status{margin-left:auto}main{flex:1;min-height:0;overflow:hidden}</style>
${head}
</head>
<body>
<header><strong>${title}</strong><button id="action" hidden>Send Ctrl-Alt-Del</button><span id="status" role="status">connecting</span></header>
<main id="screen"></main>
<script type="module" src="/console/scripts/${script}.js"></script>
</body>
</html>
`;
}

/** Page scripts by name. */
export const SCRIPTS: Readonly<Record<string, string>> = {
  vnc: `import RFB from '/console/assets/novnc/core/rfb.js';
const status = document.getElementById('status');
const url = new URL(location.href);
[url.pathname, url.search = ''] = (url.searchParams.get('path') ?? '').split('?');
url.protocol = url.protocol.replace('http', 'ws');
const rfb = new RFB(document.getElementById('screen'), url.href, { wsProtocols: ['binary'] });
rfb.scaleViewport = true;
rfb.addEventListener('connect', () => { status.textContent = 'connected'; rfb.focus(); });
rfb.addEventListener('disconnect', (event) => { status.textContent = event.detail.clean ? 'ended' : 'lost: ask for a new console URL'; });
const action = document.getElementById('action');
action.hidden = false;
action.addEventListener('click', () => rfb.sendCtrlAltDel());
`,
  serial: `import { Terminal } from '/console/assets/xterm/lib/xterm.mjs';
const status = document.getElementById('status');
const url = new URL(location.href);
url.protocol = url.protocol.replace('http', 'ws');
const socket = new WebSocket(url.href, ['binary']);
socket.binaryType = 'arraybuffer';
const terminal = new Terminal({ cols: 80, rows: 24, convertEol: false });
const screen = document.getElementById('screen');
terminal.open(screen);
const fit = () => {
  const cells = screen.querySelector('.xterm-screen').getBoundingClientRect();
  const cols = Math.floor(screen.clientWidth / (cells.width / terminal.cols));
  const rows = Math.floor(screen.clientHeight / (cells.height / terminal.rows));
  if (cols > 1 && rows > 1) terminal.resize(cols, rows);
};
new ResizeObserver(fit).observe(screen);
socket.addEventListener('open', () => { status.textContent = 'connected'; terminal.focus(); });
socket.addEventListener('message', (event) => terminal.write(new Uint8Array(event.data)));
socket.addEventListener('close', () => { status.textContent = 'ended: ask for a new console URL'; });
terminal.onData((text) => socket.send(new TextEncoder().encode(text)));
`,
};
