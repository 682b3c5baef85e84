// Headless Chromium with the page of `page.mjs`, looked at by the browser's own protocol, without a library in between.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

export const within = async (what, seconds, ask) => {
  const end = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < end) {
    last = await ask();
    if (last !== undefined) return last;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what}: not within ${seconds} s`);
};

/** Serves the page, starts the browser and lets `look` have a function that opens the page with this in its address. */
export const browse = async (chromium, look) => {
  const scratch = mkdtempSync(join(tmpdir(), 'attune-web-'));
  const server = await serve(scratch);
  const browser = spawn(chromium, [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-extensions',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-proxy-server',
    // A page behind another one polls no less often.
    '--disable-background-timer-throttling', '--disable-renderer-backgrounding',
    `--user-data-dir=${join(scratch, 'profile')}`, '--remote-debugging-port=0', 'about:blank',
  ], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise((resolve) => { browser.once('exit', resolve); });
  try {
    let said = '';
    browser.stderr.on('data', (data) => { said += data; });
    const endpoint = await within('the browser starts', 60, () => /DevTools listening on (ws:\S+)/.exec(said)?.[1]);
    await look((query) => {
      const page = `http://127.0.0.1:${server.address().port}/?${new URLSearchParams(query)}`;
      return open(new URL(endpoint).host, page);
    });
    // Told to end, it has its helpers end first, which write to the profile.
    const { call } = await connect(endpoint);
    call('Browser.close', {});
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 10_000))]);
  } finally {
    browser.kill();
    await ended;
    server.close();
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
};

const serve = async (scratch) => {
  const here = new URL('.', import.meta.url).pathname;
  await build({ entryPoints: [join(here, 'page.mjs')], bundle: true, format: 'esm', outfile: join(scratch, 'page.js'), logLevel: 'error' });
  const server = createServer((request, response) => {
    const script = request.url.startsWith('/page.js');
    response.setHeader('content-type', script ? 'text/javascript' : 'text/html');
    response.end(readFileSync(script ? join(scratch, 'page.js') : join(here, 'page.html')));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
};

const connect = async (url) => {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
  let id = 0;
  const waiting = new Map();
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    waiting.get(message.id)?.(message);
  };
  const call = (method, params) => new Promise((resolve) => {
    waiting.set(++id, (message) => resolve(message.result));
    socket.send(JSON.stringify({ id, method, params }));
  });
  return { socket, call };
};

/** An open page: `renders` waits until the hero is as told, `close` closes it. */
const open = async (host, page) => {
  const opened = await fetch(`http://${host}/json/new?${encodeURIComponent(page)}`, { method: 'PUT' });
  const { id, webSocketDebuggerUrl } = await opened.json();
  const { socket, call } = await connect(webSocketDebuggerUrl);
  const hero = async () => {
    const expression = "(({textContent, dataset}) => [textContent, dataset.variant, dataset.error])(document.getElementById('hero') ?? {dataset: {}})";
    return (await call('Runtime.evaluate', { expression, returnByValue: true })).result?.value;
  };
  return {
    hero,
    renders: (headline, seconds = 30) => within(`the page shows \`${headline}\``, seconds, async () => {
      const found = await hero();
      return found?.[0] === headline ? found : undefined;
    }),
    close: async () => {
      socket.close();
      await fetch(`http://${host}/json/close/${id}`);
    },
  };
};
