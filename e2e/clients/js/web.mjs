// Opens the page in headless Chromium and looks at it by the browser's own protocol, without a library in between.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

const [decider, change, chromium] = process.argv.slice(2);
const here = new URL('.', import.meta.url).pathname;
const scratch = mkdtempSync(join(tmpdir(), 'attune-web-'));
await build({ entryPoints: [join(here, 'page.mjs')], bundle: true, format: 'esm', outfile: join(scratch, 'page.js'), logLevel: 'error' });

const server = createServer((request, response) => {
  const script = request.url.startsWith('/page.js');
  response.setHeader('content-type', script ? 'text/javascript' : 'text/html');
  response.end(readFileSync(script ? join(scratch, 'page.js') : join(here, 'page.html')));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const page = `http://127.0.0.1:${server.address().port}/?decider=${encodeURIComponent(decider)}`;

const browser = spawn(chromium, [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-extensions',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-proxy-server',
  `--user-data-dir=${join(scratch, 'profile')}`, '--remote-debugging-port=0', 'about:blank',
], { stdio: ['ignore', 'ignore', 'pipe'] });

const within = async (what, seconds, ask) => {
  const end = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < end) {
    last = await ask();
    if (last !== undefined) return last;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what}: not within ${seconds} s`);
};

try {
  let said = '';
  browser.stderr.on('data', (data) => { said += data; });
  const endpoint = await within('the browser starts', 60, () => /DevTools listening on (ws:\S+)/.exec(said)?.[1]);
  const { host } = new URL(endpoint);
  const opened = await fetch(`http://${host}/json/new?${encodeURIComponent(page)}`, { method: 'PUT' });
  const { webSocketDebuggerUrl } = await opened.json();
  const socket = new WebSocket(webSocketDebuggerUrl);
  await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
  let id = 0;
  const waiting = new Map();
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    waiting.get(message.id)?.(message);
  };
  const evaluate = (expression) => new Promise((resolve) => {
    waiting.set(++id, (message) => resolve(message.result?.result?.value));
    socket.send(JSON.stringify({ id, method: 'Runtime.evaluate', params: { expression, returnByValue: true } }));
  });
  const headline = () => evaluate("document.getElementById('hero')?.textContent");
  const rendered = async (text) => ((await headline()) === text ? text : undefined);

  await within('the hero is rendered', 30, () => rendered('Welcome'));
  assert.equal(await evaluate("document.getElementById('hero').dataset.variant"), 'hero/everyone');
  const began = Date.now();
  await fetch(change, { method: 'POST' });
  await within('the page follows the change', 10, () => rendered('Welcome back'));
  console.log(`web SDK: ok, the page followed a change in ${Date.now() - began} ms`);
  socket.close();
} finally {
  browser.kill();
  await new Promise((resolve) => browser.once('exit', resolve));
  server.close();
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(0);
