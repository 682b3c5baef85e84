//! Who may change what: the questions that owner rules ask of a cluster's access control, and the answers.
//!
//! What a group of a Program answers for is a matter of kinds, `owner` a matter of the object by its name. This room is
//! pure: the operator asks the API server, `attune lint --rbac` reads roles and bindings from files.

use std::collections::BTreeSet;

use attune_api::governance_policy::AccessVia;
use attune_api::program::Owners;
use attune_api::{Kind, Owner};

use crate::policy::{Policies, Policy};
use crate::snapshot::Snapshot;

#[cfg(test)]
mod tests;

/// What an owner does to what it owns.
pub const VERB: &str = "update";

/// Whether a group may do something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// The group as the cluster knows it, prefix included.
    pub group: String,
    /// What it would do.
    pub verb: String,
    /// The plural of the kind, of the group `attune.dev`.
    pub resource: String,
    /// One object; `None`: all of the namespace.
    pub name: Option<String>,
}

/// What is known about a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// It may.
    Allowed,
    /// It may not.
    Denied,
    /// Nobody could tell so far.
    Unknown,
}

/// A part of a Program that somebody answers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// What is known about people.
    DataModel,
    /// Who is addressed.
    Audiences,
    /// What is said.
    Content,
    /// What is shown where.
    Rules,
    /// How success is counted.
    Measurement,
}

impl Role {
    /// All of them, in the order of the specification.
    pub const ALL: [Self; 5] = [
        Self::DataModel,
        Self::Audiences,
        Self::Content,
        Self::Rules,
        Self::Measurement,
    ];

    /// As the field of `spec.owners` spells it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::DataModel => "dataModel",
            Self::Audiences => "audiences",
            Self::Content => "content",
            Self::Rules => "rules",
            Self::Measurement => "measurement",
        }
    }

    /// The kinds that it answers for.
    pub const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::DataModel => &[Kind::DataContract],
            Self::Audiences => &[Kind::Audience],
            Self::Content => &[Kind::ContentModule],
            Self::Rules => &[Kind::ChannelBinding],
            Self::Measurement => &[Kind::Experiment, Kind::Metric, Kind::Holdout],
        }
    }

    /// Who has it.
    pub const fn of(self, owners: &Owners) -> &Owner {
        match self {
            Self::DataModel => &owners.data_model,
            Self::Audiences => &owners.audiences,
            Self::Content => &owners.content,
            Self::Rules => &owners.rules,
            Self::Measurement => &owners.measurement,
        }
    }
}

/// Whether a group may change a kind of resources, or one of them, as a policy's `groupPrefix` has its name.
pub fn question(policy: &Policy<'_>, group: &str, kind: Kind, name: Option<&str>) -> Question {
    let prefix = policy.spec.group_prefix.as_deref().unwrap_or_default();
    Question {
        group: format!("{prefix}{group}"),
        verb: VERB.to_owned(),
        resource: kind.plural().to_owned(),
        name: name.map(str::to_owned),
    }
}

/// Every question that the policies of a namespace need answered; none where no policy asks the cluster.
pub fn needed(snapshot: &Snapshot) -> BTreeSet<Question> {
    asked(snapshot, false)
}

/// Whether a policy that enforces its rule waits for the first answer to a question.
pub fn is_awaited(snapshot: &Snapshot) -> bool {
    let is_open = |question| !snapshot.access.contains_key(question);
    snapshot.asks_access && asked(snapshot, true).iter().any(is_open)
}

fn asked(snapshot: &Snapshot, enforced_only: bool) -> BTreeSet<Question> {
    let policies = Policies::of(snapshot);
    let rulings = policies
        .judging(|rules| rules.owner_access.as_ref())
        .filter(|ruling| ruling.rule.via.unwrap_or(AccessVia::Rbac) == AccessVia::Rbac)
        .filter(|ruling| ruling.is_enforced() || !enforced_only);
    let mut needed = BTreeSet::new();
    for ruling in rulings {
        for program in snapshot.programs.values() {
            for role in Role::ALL {
                let group = role.of(&program.spec.owners).group.as_str();
                let kinds = role.kinds().iter();
                needed.extend(kinds.map(|kind| question(ruling.policy, group, *kind, None)));
            }
        }
        for (kind, name, owner) in owned(snapshot) {
            needed.insert(question(ruling.policy, owner.group.as_str(), kind, Some(name)));
        }
    }
    needed
}

/// Every object that names an owner of its own.
pub fn owned(snapshot: &Snapshot) -> impl Iterator<Item = (Kind, &str, &Owner)> {
    macro_rules! of {
        ($objects:ident, $kind:ident) => {
            snapshot
                .$objects
                .iter()
                .map(|(name, object)| (Kind::$kind, name.as_str(), &object.spec.owner))
        };
    }
    of!(contracts, DataContract)
        .chain(of!(audiences, Audience))
        .chain(of!(modules, ContentModule))
        .chain(of!(channels, Channel))
        .chain(of!(metrics, Metric))
        .chain(of!(experiments, Experiment))
        .chain(of!(holdouts, Holdout))
}
