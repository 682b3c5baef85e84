// The server SDK over TLS, with keys: `guarded.mjs <decider> <key>`, and with `stranger` behind them where the decider's
// authority is not trusted.
import assert from 'node:assert/strict';
import { OpenFeature } from '@openfeature/server-sdk';
import { OFREPProvider } from '@openfeature/ofrep-provider';

const [baseUrl, key, whom] = process.argv.slice(2);
const fallback = { headline: 'code default' };
const loyal = { targetingKey: 'user-1', user: { tier: 'gold', spend90d: 300 }, consent: ['personalization'] };
const ask = async (headers) => {
  await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl, headers }));
  return OpenFeature.getClient().getObjectDetails('home-hero', fallback, loyal);
};

for (const headers of [[['authorization', `Bearer ${key}`]], [['x-api-key', key]]]) {
  const details = await ask(headers);
  if (whom === 'stranger') {
    assert.deepEqual([details.errorCode, details.value], ['GENERAL', fallback], JSON.stringify(details));
  } else {
    assert.equal(details.errorCode, undefined, JSON.stringify(details));
    assert.match(details.variant, /^hero\//);
  }
}

for (const headers of [[], [['authorization', 'Bearer another']], [['x-api-key', `${key}-`]], [['authorization', `Basic ${key}`]]]) {
  const details = await ask(headers);
  assert.deepEqual([details.errorCode, details.reason, details.value], ['GENERAL', 'ERROR', fallback], JSON.stringify(headers));
}
await OpenFeature.close();
console.log(`server SDK over TLS: ok${whom ? `, as a ${whom}` : ''}`);
