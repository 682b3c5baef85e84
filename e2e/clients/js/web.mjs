// The web SDK in a browser: renders the hero and follows a change by the event stream.
// `web.mjs <decider> <url that changes the rules> <chromium>`
import assert from 'node:assert/strict';
import { browse } from './browser.mjs';

const [decider, change, chromium] = process.argv.slice(2);
await browse(chromium, async (open) => {
  const page = await open({ decider });
  assert.deepEqual(await page.renders('Welcome'), ['Welcome', 'hero/everyone', '']);
  const began = Date.now();
  await fetch(change, { method: 'POST' });
  await page.renders('Welcome back', 10);
  console.log(`web SDK: ok, the page followed a change in ${Date.now() - began} ms`);
});
process.exit(0);
