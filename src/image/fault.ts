// The body of the image service's errors: a small page of HTML unless the client asks for JSON or text, as upstream answers.
import type { FaultContext, RenderedFault } from '#platform/http/api.ts';
import { titleOf } from '#platform/http/early-fault.ts';

export function renderImageFault({ status, message, error, accept }: FaultContext): RenderedFault {
  const title = titleOf(status);
  const headers = status === 416 ? { 'content-range': `bytes */${String(error?.fields['size'])}` } : {};
  if (accept !== undefined && /\bapplication\/json\b/.test(accept) && !accept.includes('text/html')) {
    return { headers, body: { message, code: `${status} ${title}`, title } };
  }
  return {
    headers: { ...headers, 'content-type': 'text/html; charset=UTF-8' },
    body: [
      '<html>',
      ` <head><title>${status} ${title}</title></head>`,
      ' <body>',
      `  <h1>${status} ${title}</h1>`,
      `  ${escapeHtml(message)}<br /><br />`,
      ' </body>',
      '</html>',
    ].join('\n'),
  };
}

/** Messages quote what callers sent. */
function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
