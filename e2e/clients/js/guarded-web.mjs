// The web SDK in a browser, over TLS and with a key: `guarded-web.mjs <decider> <key> <url that changes the rules> <chromium>`,
// and with `stranger` behind them where the browser does not trust the decider's authority.
import assert from 'node:assert/strict';
import { browse, within } from './browser.mjs';
import { unmodified } from './polls.mjs';

const [decider, key, change, chromium, whom] = process.argv.slice(2);
const nothing = async (open, query, code) => {
  const page = await open({ decider, ...query });
  assert.deepEqual(await page.renders('code default'), ['code default', '', code], JSON.stringify(query));
  await page.close();
};

await browse(chromium, async (open) => {
  if (whom === 'stranger') {
    // A provider that could not ask knows no touchpoint.
    await nothing(open, { key }, 'FLAG_NOT_FOUND');
    console.log('web SDK over TLS: ok, as a stranger');
    return;
  }
  await nothing(open, {}, 'PROVIDER_FATAL');
  await nothing(open, { key: 'another' }, 'PROVIDER_FATAL');

  // One page polls, the other one is told by the event stream, which a browser opens without the key.
  const polling = await open({ decider, key, poll: 100 });
  const told = await open({ decider, key });
  for (const page of [polling, told]) {
    assert.deepEqual(await page.renders('Welcome'), ['Welcome', 'hero/everyone', '']);
  }
  const more = async () => {
    const before = await unmodified(decider);
    await within('unchanged rules are answered by 304', 10, async () => ((await unmodified(decider)) >= before + 5 ? true : undefined));
  };
  await more();
  assert.equal((await polling.hero())[0], 'Welcome');
  await fetch(change, { method: 'POST' });
  await polling.renders('Welcome back', 10);
  await told.renders('Welcome back', 10);
  await more();
  assert.equal((await polling.hero())[0], 'Welcome back');
  console.log('web SDK over TLS: ok, by 304 and by the event stream');
});
process.exit(0);
