// The web SDK on a page: renders the hero and renders it anew when the provider says that something changed. `decider` in
// the page's address is whom to ask, `key` what to show, and `poll` how often, in milliseconds.
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';

const asked = new URLSearchParams(location.search);
const hero = document.getElementById('hero');
const client = OpenFeature.getClient();
const render = () => {
  const details = client.getObjectDetails('home-hero', { headline: 'code default' });
  hero.textContent = details.value.headline;
  hero.dataset.variant = details.variant ?? '';
  hero.dataset.error = details.errorCode ?? '';
};
client.addHandler(ProviderEvents.ConfigurationChanged, render);
await OpenFeature.setContext({ targetingKey: 'user-1', consent: [] });
const headers = asked.has('key') ? [['authorization', `Bearer ${asked.get('key')}`]] : [];
// Unless it is told to poll, what changes on the page came by the event stream.
const pollInterval = Number(asked.get('poll') ?? 0);
const changeDetection = pollInterval > 0 ? 'polling' : 'sse';
const provider = new OFREPWebProvider({ baseUrl: asked.get('decider'), headers, pollInterval, changeDetection });
// The page goes on without decisions, too.
await OpenFeature.setProviderAndWait(provider).catch(() => {});
render();
