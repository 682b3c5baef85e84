//! What an experiment has shown, once it has concluded.

use std::collections::{BTreeMap, BTreeSet};

use attune_api::channel_binding::CitedEvidence;
use attune_api::experiment::{Effect, ShownFigures};
use attune_api::results::Verdict;
use attune_api::{Experiment, ObjectName};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::snapshot::Snapshot;

#[cfg(test)]
mod tests;

/// A concluded experiment. Who took part and what was shown are those of the time at which it concluded, as far as they
/// are known: an experiment whose resource is gone can still be told from one that never was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What it concluded with.
    pub outcome: Outcome,
    /// When.
    pub concluded_at: Timestamp,
    /// Audiences that took part; empty: any.
    pub audiences: BTreeSet<String>,
    /// Modules that treated arms showed.
    pub modules: BTreeSet<String>,
    /// The metric that decided.
    pub metric: String,
}

/// What an experiment concluded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// At least the minimum worthwhile lift.
    WorthwhileLift,
    /// Better than control.
    Lift,
    /// The minimum worthwhile lift is out of reach.
    NoWorthwhileLift,
    /// Worse than control.
    Harm,
    /// The planned end was reached without proof.
    Unproven,
}

impl Outcome {
    /// Whether it is a reason to show the thing to more people.
    pub const fn is_lift(self) -> bool {
        matches!(self, Self::WorthwhileLift | Self::Lift)
    }

    /// As a message calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WorthwhileLift => "a worthwhile lift",
            Self::Lift => "lift",
            Self::NoWorthwhileLift => "no worthwhile lift",
            Self::Harm => "harm",
            Self::Unproven => "no proof",
        }
    }
}

/// What stands on the status of a `ChannelBinding` of the experiment that it cites.
pub fn cited_on(status: &Value) -> Option<CitedEvidence> {
    CitedEvidence::deserialize(status.get("evidence")?).ok()
}

impl Evidence {
    /// As it stands on a binding that cites the experiment.
    pub(crate) fn cited(&self, experiment: &ObjectName) -> CitedEvidence {
        CitedEvidence {
            experiment: experiment.clone(),
            verdict: self.outcome.verdict(),
            concluded_at: self.concluded_at.into(),
            audiences: self.audiences.iter().cloned().collect(),
            modules: self.modules.iter().cloned().collect(),
            metric: self.metric.clone(),
        }
    }

    /// What stands on a binding; `None` of a verdict that concludes nothing.
    fn of_cited(cited: &CitedEvidence) -> Option<Self> {
        Some(Self {
            outcome: outcome(cited.verdict)?,
            concluded_at: cited.concluded_at.timestamp(),
            audiences: cited.audiences.iter().cloned().collect(),
            modules: cited.modules.iter().cloned().collect(),
            metric: cited.metric.clone(),
        })
    }
}

impl Outcome {
    /// The verdict that it was.
    const fn verdict(self) -> Verdict {
        match self {
            Self::WorthwhileLift => Verdict::WorthwhileLift,
            Self::Lift => Verdict::Lift,
            Self::NoWorthwhileLift => Verdict::NoWorthwhileLift,
            Self::Harm => Verdict::Harm,
            Self::Unproven => Verdict::Unproven,
        }
    }
}

/// What is known to have concluded: by the statuses of Experiments, decided upon or not, and what else the snapshot says; `None`
/// where nobody can tell.
pub fn known(snapshot: &Snapshot) -> Option<BTreeMap<String, Evidence>> {
    let others = snapshot.evidence.as_ref()?;
    let experiments = snapshot.experiments.iter();
    let concluded = experiments.filter_map(|(name, experiment)| {
        let facts = snapshot.experiment_facts.get(name)?;
        let decided = facts.decision.as_ref();
        let decided = decided.map(|decision| (decision.verdict, decision.at.timestamp()));
        let concluded = facts
            .conclusion
            .map(|conclusion| (conclusion.verdict, conclusion.at));
        let (verdict, concluded_at) = decided.or(concluded)?;
        let shown = shown(snapshot, name, experiment);
        let evidence = Evidence {
            outcome: outcome(verdict)?,
            concluded_at,
            audiences: shown.audiences.into_iter().collect(),
            modules: shown.modules.into_iter().collect(),
            metric: experiment.spec.analysis.primary.as_str().to_owned(),
        };
        Some((name.clone(), evidence))
    });
    let mut known: BTreeMap<_, _> = concluded.collect();
    // An experiment that is deleted has left its verdict with whoever cites it.
    let cited = snapshot.cited.values();
    let left = cited.filter(|cited| !snapshot.experiments.contains_key(cited.experiment.as_str()));
    let left = left.filter_map(|cited| {
        let evidence = Evidence::of_cited(cited)?;
        Some((cited.experiment.as_str().to_owned(), evidence))
    });
    known.extend(left);
    known.extend(
        others
            .iter()
            .map(|(name, evidence)| (name.clone(), evidence.clone())),
    );
    Some(known)
}

/// What a verdict concludes with; the others conclude nothing.
const fn outcome(verdict: Verdict) -> Option<Outcome> {
    match verdict {
        Verdict::WorthwhileLift => Some(Outcome::WorthwhileLift),
        Verdict::Lift => Some(Outcome::Lift),
        Verdict::NoWorthwhileLift => Some(Outcome::NoWorthwhileLift),
        Verdict::Harm => Some(Outcome::Harm),
        Verdict::Unproven => Some(Outcome::Unproven),
        Verdict::NotStarted | Verdict::Collecting | Verdict::Invalid => None,
    }
}

/// What an experiment shows and to whom, by what is written now; of one that has concluded, by what stands from then, so
/// that no later edit borrows its evidence.
pub(crate) fn shown(snapshot: &Snapshot, name: &str, experiment: &Experiment) -> ShownFigures {
    let facts = snapshot.experiment_facts.get(name);
    let then = facts.filter(|facts| facts.is_concluded());
    if let Some(shown) = then.and_then(|facts| facts.shown.as_ref()) {
        return shown.clone();
    }
    let audiences = experiment.spec.audiences.iter();
    ShownFigures {
        audiences: audiences.map(|audience| audience.as_str().to_owned()).collect(),
        modules: modules(snapshot, experiment).into_iter().collect(),
    }
}

/// The modules that treated arms show: those that they name, or those of the bindings that they personalize by.
fn modules(snapshot: &Snapshot, experiment: &Experiment) -> BTreeSet<String> {
    let spec = &experiment.spec;
    let treated = || spec.arms.iter().filter(|arm| !arm.control).map(|arm| &arm.effect);
    let named = treated().filter_map(|effect| Some(effect.module_ref()?.name.as_str()));
    let personalizes = treated().any(|effect| matches!(effect, Effect::Personalize));
    let bindings = spec.bindings.iter().filter(|_| personalizes);
    let bindings = bindings.filter_map(|name| snapshot.bindings.get(name.as_str()));
    let candidates = bindings.flat_map(|binding| &binding.spec.candidates);
    let of_bindings = candidates.map(|candidate| candidate.module_ref.name.as_str());
    named.chain(of_bindings).map(str::to_owned).collect()
}
