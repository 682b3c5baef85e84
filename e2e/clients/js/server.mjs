// The server SDK with its OFREP provider: a hero, a unit that is not known, a touchpoint that is not there.
import assert from 'node:assert/strict';
import { OpenFeature } from '@openfeature/server-sdk';
import { OFREPProvider } from '@openfeature/ofrep-provider';

const [baseUrl] = process.argv.slice(2);
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl }));
const client = OpenFeature.getClient();
const fallback = { headline: 'code default' };
const abandoner = { targetingKey: 'user-7', session: { cartValue: 80.5, itemCount: 2 }, consent: ['personalization'] };

const loyal = { targetingKey: 'user-1', user: { tier: 'gold', spend90d: 300 }, consent: ['personalization'] };
const details = await client.getObjectDetails('home-hero', fallback, loyal);
assert.equal(typeof details.value.headline, 'string');
assert.equal(details.errorCode, undefined);
assert.match(details.variant, /^hero\//);
assert.equal(details.flagMetadata['attune.reason'] !== undefined, true);

// Whoever consents to nothing has the baseline.
const refused = await client.getObjectDetails('home-hero', fallback, { ...loyal, consent: [] });
assert.equal(refused.value.headline, 'Welcome');
assert.equal(refused.flagMetadata['attune.reason'], 'NO_CONSENT');

// Nobody in particular: an answer, and no error.
const nobody = await client.getObjectDetails('home-hero', fallback, { consent: ['personalization'] });
assert.equal(nobody.value.headline, 'Welcome');

// An anonymous visitor logs in and keeps the arm: the device goes before the unit.
const arms = new Set();
for (let i = 0; i < 20; i += 1) {
  const device = { ...abandoner, 'device.id': `d-${i}` };
  const anonymous = await client.getObjectDetails('home-hero', fallback, { ...device, targetingKey: '' });
  const known = await client.getObjectDetails('home-hero', fallback, device);
  assert.equal(known.variant, anonymous.variant);
  assert.equal(known.flagMetadata['attune.arm'], anonymous.flagMetadata['attune.arm']);
  arms.add(known.flagMetadata['attune.arm']);
}
// The devices are in both arms, so that it is not the unit's own arm that they share.
arms.delete(undefined);
assert.equal(arms.size, 2);

const missing = await client.getObjectDetails('nowhere', fallback, loyal);
assert.equal(missing.errorCode, 'FLAG_NOT_FOUND');
assert.deepEqual(missing.value, fallback);
await OpenFeature.close();
console.log('server SDK: ok');
