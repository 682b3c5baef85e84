//! What was published last, as far as it can be read.

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_core::bundle::Bundle;

/// The bundles last published, by Channel: where a binding that no longer compiles finds its last form.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Previous {
    bundles: BTreeMap<String, Arc<Bundle>>,
    /// Channels whose last bundle stands and cannot be read, with why.
    unreadable: BTreeMap<String, String>,
}

impl Previous {
    /// Nothing was published.
    pub fn new() -> Self {
        Self::default()
    }

    /// The last bundle of a Channel.
    pub fn get(&self, channel: &str) -> Option<&Arc<Bundle>> {
        self.bundles.get(channel)
    }

    /// Takes a bundle for the last one of a Channel.
    pub fn insert(&mut self, channel: String, bundle: Arc<Bundle>) {
        self.unreadable.remove(&channel);
        self.bundles.insert(channel, bundle);
    }

    /// Notes that the last bundle of a Channel stands and cannot be read, unless it is known.
    ///
    /// Nothing is published for that Channel: what is carried would be lost.
    pub fn insert_unreadable(&mut self, channel: String, why: String) {
        if !self.bundles.contains_key(&channel) {
            self.unreadable.insert(channel, why);
        }
    }

    /// Takes a bundle that could not be read for gone; gives whether there was one.
    pub fn remove_unreadable(&mut self, channel: &str) -> bool {
        self.unreadable.remove(channel).is_some()
    }

    /// Why the last bundle of a Channel cannot be read.
    pub fn unreadable(&self, channel: &str) -> Option<&str> {
        self.unreadable.get(channel).map(String::as_str)
    }

    /// Channels for which something was published, readable or not.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        self.bundles
            .keys()
            .chain(self.unreadable.keys())
            .map(String::as_str)
    }

    /// Whether nothing was published.
    pub fn is_empty(&self) -> bool {
        self.bundles.is_empty() && self.unreadable.is_empty()
    }

    /// The same Channels with what is published now; those whose last bundle cannot be read stay if `keep` says so.
    pub fn followed_by(
        &mut self,
        bundles: impl Iterator<Item = (String, Arc<Bundle>)>,
        keep: impl Fn(&str) -> bool,
    ) {
        self.bundles = bundles.collect();
        let bundles = &self.bundles;
        self.unreadable
            .retain(|channel, _| keep(channel) && !bundles.contains_key(channel));
    }
}

impl FromIterator<(String, Arc<Bundle>)> for Previous {
    fn from_iter<I: IntoIterator<Item = (String, Arc<Bundle>)>>(bundles: I) -> Self {
        Self {
            bundles: bundles.into_iter().collect(),
            unreadable: BTreeMap::new(),
        }
    }
}
