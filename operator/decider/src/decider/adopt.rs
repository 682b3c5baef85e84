//! Taking a bundle, or refusing it: the old one decides until a new one is good.

use std::sync::Arc;
use std::time::Duration;

use attune_core::bundle::Bundle;
use attune_core::engine::{Engine, EngineError};
use jiff::Timestamp;

use super::{Decider, Loaded, Source};
use crate::answers::Answers;
use crate::exposure::Sample;
use crate::metrics::Adoption;

/// A bundle that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its revision, as far as it is known.
    pub revision: Option<String>,
    /// What is wrong with it.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// Why a bundle was refused.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// It cannot be loaded.
    #[error(transparent)]
    Load(#[from] EngineError),
    /// It is for another Channel than the one that this decider decides for.
    #[error(
        "the bundle is for channel `{found}`, this decider decides for `{serving}`; point it at the right channel"
    )]
    MatchChannel {
        /// `<namespace>/<channel>` of the bundle.
        found: String,
        /// `<namespace>/<channel>` of this decider.
        serving: String,
    },
}

/// A Channel's name with its namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChannelName {
    namespace: String,
    channel: String,
}

impl Decider {
    /// Loads a bundle's JSON and decides by it from now on; requests under way finish by the old one.
    ///
    /// # Errors
    /// When it is no bundle, of a newer format, does not resolve, or is another Channel's. Then the old one decides on
    /// and [`Decider::status`] tells why.
    pub fn adopt(&self, json: &[u8]) -> Result<String, AdoptError> {
        self.adopt_from(json, Source::Embedding)
    }

    /// As [`Decider::adopt`], saying who vouches for the bundle.
    ///
    /// # Errors
    /// As [`Decider::adopt`].
    pub fn adopt_from(&self, json: &[u8], source: Source) -> Result<String, AdoptError> {
        let loaded = Engine::parse(json).map_err(AdoptError::from);
        self.offer(loaded, source, || Some(Bundle::revision(json)))
    }

    /// As [`Decider::adopt_from`], where the JSON is known to hash to its revision.
    ///
    /// # Errors
    /// As [`Decider::adopt`].
    pub(crate) fn adopt_named(
        &self,
        json: &[u8],
        revision: &str,
        source: Source,
    ) -> Result<String, AdoptError> {
        let loaded = Engine::parse_named(json, revision).map_err(AdoptError::from);
        self.offer(loaded, source, || Some(revision.to_owned()))
    }

    /// As [`Decider::adopt`], for a bundle in memory.
    ///
    /// # Errors
    /// When it does not resolve, or is another Channel's.
    pub fn adopt_bundle(&self, bundle: Bundle) -> Result<String, AdoptError> {
        let revision = bundle.canonical().ok().map(|json| Bundle::revision(&json));
        let loaded = Engine::load(bundle).map_err(AdoptError::from);
        self.offer(loaded, Source::Embedding, || revision)
    }

    fn offer(
        &self,
        loaded: Result<Engine, AdoptError>,
        source: Source,
        revision: impl FnOnce() -> Option<String>,
    ) -> Result<String, AdoptError> {
        let now = self.0.clock.now();
        match loaded.and_then(|engine| self.check_channel(engine)) {
            Ok(engine) => {
                let revision = engine.revision().to_owned();
                self.0.state.serve(engine.bundle());
                self.serve_shared(engine.bundle());
                let sums = self.0.account.open(&engine);
                self.0.exposures.owe(engine.bundle(), &revision);
                let loaded = Loaded {
                    sample: Sample::of(engine.bundle()),
                    engine,
                    sums,
                    answers: Answers::default(),
                    since: now,
                };
                // First: whoever sees the new revision sees no bundle refused.
                self.0.refused.store(None);
                let retired = self.0.engine.swap(Some(Arc::new(loaded)));
                self.0.news.send_if_modified(|news| news.adopt(&revision, now));
                self.0.metrics.bundles.inc(Adoption::Adopted);
                self.0.metrics.ready.set(1);
                self.0.metrics.rules.show(&revision, source.as_str());
                self.0.metrics.rules.mark_adopted(now);
                self.mark_started();
                retire(retired);
                Ok(revision)
            }
            Err(error) => {
                self.0.refused.store(Some(Arc::new(Refused {
                    revision: revision(),
                    reason: error.to_string(),
                    at: now,
                })));
                self.0.metrics.bundles.inc(Adoption::Refused);
                Err(error)
            }
        }
    }

    /// A decider never changes its Channel: its exposures and caps would be another's.
    fn check_channel(&self, engine: Engine) -> Result<Engine, AdoptError> {
        let loaded = self.loaded();
        let serving = loaded
            .as_ref()
            .map(|loaded| ChannelName::of(loaded.engine.bundle()));
        let found = ChannelName::of(engine.bundle());
        match self.0.channel.clone().or(serving) {
            Some(serving) if serving != found => Err(AdoptError::MatchChannel {
                found: found.to_string(),
                serving: serving.to_string(),
            }),
            _ => Ok(engine),
        }
    }
}

impl ChannelName {
    pub(super) fn new(namespace: &str, channel: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            channel: channel.to_owned(),
        }
    }

    fn of(bundle: &Bundle) -> Self {
        Self::new(&bundle.namespace, &bundle.channel)
    }
}

impl std::fmt::Display for ChannelName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.channel)
    }
}

/// Drops a bundle here, where nobody waits, and not in the last request that it decided, unless that takes long.
fn retire(bundle: Option<Arc<Loaded>>) {
    let Some(bundle) = bundle else { return };
    for _ in 0..20 {
        if Arc::strong_count(&bundle) == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
