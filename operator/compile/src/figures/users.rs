//! Who names an audience and where a module is shown, found by one walk over all that may name it.

use std::collections::{BTreeMap, BTreeSet};

use attune_api::ObjectName;
use attune_api::audience::AudienceUse;

use crate::Snapshot;

/// The most places that a module's status lists.
const MAX_PLACES: usize = 64;

/// Users of audiences and modules, by name.
#[derive(Debug, Default)]
pub(crate) struct Users<'s> {
    audiences: BTreeMap<&'s str, AudienceUse>,
    places: BTreeMap<&'s str, BTreeSet<(&'s str, &'s str)>>,
}

impl<'s> Users<'s> {
    pub(crate) fn of(snapshot: &'s Snapshot) -> Self {
        let mut users = Self::default();
        for program in snapshot.programs.values() {
            users.count(&program.spec.audiences, |uses| &mut uses.programs);
        }
        for binding in snapshot.bindings.values() {
            let spec = &binding.spec;
            let named = spec.candidates.iter().flat_map(|candidate| &candidate.audiences);
            users.count(named, |uses| &mut uses.bindings);
            for candidate in &spec.candidates {
                let places = users
                    .places
                    .entry(candidate.module_ref.name.as_str())
                    .or_default();
                places.insert((spec.channel_ref.name.as_str(), spec.touchpoint.as_str()));
            }
        }
        for variant in snapshot.modules.values().flat_map(|module| &module.spec.variants) {
            users.count(&variant.audiences, |uses| &mut uses.variants);
        }
        for experiment in snapshot.experiments.values() {
            users.count(&experiment.spec.audiences, |uses| &mut uses.experiments);
        }
        users
    }

    /// Counts one user of all audiences that it names, however often it names them.
    fn count(
        &mut self,
        named: impl IntoIterator<Item = &'s ObjectName>,
        place: impl Fn(&mut AudienceUse) -> &mut i32,
    ) {
        let named: BTreeSet<&str> = named.into_iter().map(ObjectName::as_str).collect();
        for name in named {
            let uses = place(self.audiences.entry(name).or_default());
            *uses = uses.saturating_add(1);
        }
    }

    /// Who uses an audience.
    pub(crate) fn of_audience(&self, name: &str) -> AudienceUse {
        self.audiences.get(name).cloned().unwrap_or_default()
    }

    /// Where a module is shown, as `channel/touchpoint`; the first ones.
    pub(crate) fn places_of(&self, module: &str) -> Vec<String> {
        let places = self.places.get(module).into_iter().flatten();
        let mut places: Vec<_> = places
            .map(|(channel, touchpoint)| format!("{channel}/{touchpoint}"))
            .collect();
        places.sort_unstable();
        places.truncate(MAX_PLACES);
        places
    }
}
