//! Bundles in bytes, and loaded.

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_core::bundle::Bundle;
use attune_core::engine::{Engine, EngineError};

use crate::Publication;

/// What Channels serve.
#[derive(Debug, Default)]
pub(crate) struct Served {
    now: BTreeMap<String, Vec<Ready>>,
    before: BTreeMap<String, Vec<Ready>>,
}

/// A bundle, ready to be published and to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    pub(crate) publication: Publication,
    pub(crate) engine: Arc<Engine>,
}

impl Served {
    /// Writes and loads the bundle of a Channel.
    ///
    /// # Errors
    /// When it cannot be written, or does not load.
    pub(crate) fn ready(&mut self, channel: &str, bundle: Bundle) -> Result<Ready, EngineError> {
        let is_same = |known: &&Ready| *known.publication.bundle == bundle;
        let known = [&self.now, &self.before].map(|map| map.get(channel).into_iter().flatten());
        let known = known.into_iter().flatten().find(is_same).cloned();
        let ready = match known {
            Some(known) => known,
            None => Ready::of(bundle.into())?,
        };
        // A compilation that follows its own findings once more makes two.
        let now = self.now.entry(channel.to_owned()).or_default();
        if !now.iter().any(|known| Arc::ptr_eq(&known.engine, &ready.engine)) {
            now.push(ready.clone());
        }
        Ok(ready)
    }

    pub(super) fn turn(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }
}

impl Ready {
    /// Writes and loads a bundle.
    ///
    /// # Errors
    /// When it cannot be written, or does not load.
    fn of(bundle: Arc<Bundle>) -> Result<Self, EngineError> {
        let publication = Publication::of(bundle)?;
        let engine = Engine::load_revision(Arc::clone(&publication.bundle), publication.revision.clone())?;
        Ok(Self {
            publication,
            engine: Arc::new(engine),
        })
    }
}
