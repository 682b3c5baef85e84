//! Which pods without a decider are news.

use std::collections::{BTreeMap, BTreeSet};

use crate::pods::BarePod;

/// The most pods of a Channel that are told at a time.
const MAX_TOLD: usize = 10;

/// Namespace and name of a Channel.
type Key = (String, String);

/// The pods without a decider that were told already, by Channel.
#[derive(Debug, Default)]
pub struct Missing {
    told: BTreeMap<Key, BTreeSet<String>>,
}

impl Missing {
    /// The pods to tell of now. `standing` is what the Channel's condition says of those that were told before this process,
    /// `message` what it will say: where both are the same, nothing is news after a restart.
    pub fn news<'p>(
        &mut self,
        channel: &Key,
        bare: &'p [BarePod],
        standing: Option<&str>,
        message: &str,
    ) -> Vec<&'p BarePod> {
        if bare.is_empty() {
            self.told.remove(channel);
            return Vec::new();
        }
        let is_told = |pod: &&BarePod| match standing {
            Some(standing) if standing == message => true,
            Some(standing) => standing.contains(&format!("`{}`", pod.name)),
            None => false,
        };
        let told = self.told.entry(channel.clone()).or_insert_with(|| {
            let told = bare.iter().filter(is_told);
            told.map(|pod| pod.name.clone()).collect()
        });
        told.retain(|name| bare.iter().any(|pod| pod.name == *name));
        let news: Vec<_> = bare
            .iter()
            .filter(|pod| !told.contains(&pod.name))
            .take(MAX_TOLD)
            .collect();
        told.extend(bare.iter().map(|pod| pod.name.clone()));
        news
    }

    /// Forgets everything: another replica tells.
    pub fn forget(&mut self) {
        self.told.clear();
    }

    /// Forgets Channels that are gone.
    pub fn retain(&mut self, exists: impl Fn(&Key) -> bool) {
        self.told.retain(|channel, _| exists(channel));
    }
}

#[cfg(test)]
mod tests;
