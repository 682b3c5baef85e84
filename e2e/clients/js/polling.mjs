// The web SDK outside of a browser, over TLS and with a key: it polls, and is answered by 304 until the rules change.
// `polling.mjs <decider> <key> <url that changes the rules>`
import assert from 'node:assert/strict';
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { unmodified } from './polls.mjs';

const [baseUrl, key, change] = process.argv.slice(2);
const fallback = { headline: 'code default' };
// There is no local storage here.
const provider = (...headers) => new OFREPWebProvider({ baseUrl, headers, pollInterval: 100, changeDetection: 'polling', cacheMode: 'disabled' });
const within = async (what, seconds, ask) => {
  const end = Date.now() + seconds * 1000;
  while (!(await ask())) {
    assert.ok(Date.now() < end, `${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
// What fails here is meant to, and looked at.
OpenFeature.setLogger({ error() {}, warn() {}, info() {}, debug() {} });
await OpenFeature.setContext({ targetingKey: 'user-1', consent: [] });

// Whoever shows no key has code defaults; the SDK says of its provider that it will not recover.
for (const [domain, headers] of [['nobody', []], ['another', [['authorization', 'Bearer another']]]]) {
  const client = OpenFeature.getClient(domain);
  const failed = new Promise((resolve) => client.addHandler(ProviderEvents.Error, resolve));
  OpenFeature.setProvider(domain, provider(...headers));
  await failed;
  const details = client.getObjectDetails('home-hero', fallback);
  assert.deepEqual([details.errorCode, details.value], ['PROVIDER_FATAL', fallback], JSON.stringify(details));
}
assert.equal(await unmodified(baseUrl), 0);

const client = OpenFeature.getClient();
const hero = () => client.getObjectDetails('home-hero', fallback);
let changes = 0;
client.addHandler(ProviderEvents.ConfigurationChanged, () => { changes += 1; });
await OpenFeature.setProviderAndWait(provider(['x-api-key', key]));
assert.equal(hero().value.headline, 'Welcome');
await within('unchanged rules are answered by 304', 10, async () => (await unmodified(baseUrl)) >= 5);
assert.deepEqual([changes, hero().value.headline], [0, 'Welcome']);

await fetch(change, { method: 'POST' });
await within('a poll brings the change', 10, () => changes > 0);
assert.equal(hero().value.headline, 'Welcome back');
const by = await unmodified(baseUrl);
await within('changed rules are answered by 304 once they are known', 10, async () => (await unmodified(baseUrl)) >= by + 5);
assert.deepEqual([changes, hero().value.headline], [1, 'Welcome back']);
await OpenFeature.close();
console.log(`web SDK that polls over TLS: ok, ${by} answers of 304 before the change`);
