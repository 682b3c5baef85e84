// The web SDK on a page: renders the hero and renders it anew when the provider says that something changed.
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';

const baseUrl = new URLSearchParams(location.search).get('decider');
const hero = document.getElementById('hero');
const client = OpenFeature.getClient();
const render = () => {
  const details = client.getObjectDetails('home-hero', { headline: 'code default' });
  hero.textContent = details.value.headline;
  hero.dataset.variant = details.variant ?? '';
};
client.addHandler(ProviderEvents.ConfigurationChanged, render);
await OpenFeature.setContext({ targetingKey: 'user-1', consent: [] });
// Nothing is polled: what changes on the page came by the event stream.
await OpenFeature.setProviderAndWait(new OFREPWebProvider({ baseUrl, pollInterval: 0 }));
render();
