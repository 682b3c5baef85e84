//! The ten kinds.

use std::fmt;
use std::str::FromStr;

use kube::core::ApiResource;
use serde::{Deserialize, Serialize};

use crate::{API_VERSION, GROUP, VERSION};

/// Whether resources of a kind live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// They do.
    Namespaced,
    /// They do not.
    Cluster,
}

/// A kind of this group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Why.
    Program,
    /// What is known.
    DataContract,
    /// Who.
    Audience,
    /// With what.
    ContentModule,
    /// Where.
    Channel,
    /// Which content where.
    ChannelBinding,
    /// How success is counted.
    Metric,
    /// What is being tested.
    Experiment,
    /// What is never personalized.
    Holdout,
    /// The organisation's rules.
    GovernancePolicy,
}

impl Kind {
    /// All kinds, in the order in which they are listed everywhere.
    pub const ALL: [Self; 10] = [
        Self::Program,
        Self::DataContract,
        Self::Audience,
        Self::ContentModule,
        Self::Channel,
        Self::ChannelBinding,
        Self::Metric,
        Self::Experiment,
        Self::Holdout,
        Self::GovernancePolicy,
    ];

    /// The name in `kind`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Program => "Program",
            Self::DataContract => "DataContract",
            Self::Audience => "Audience",
            Self::ContentModule => "ContentModule",
            Self::Channel => "Channel",
            Self::ChannelBinding => "ChannelBinding",
            Self::Metric => "Metric",
            Self::Experiment => "Experiment",
            Self::Holdout => "Holdout",
            Self::GovernancePolicy => "GovernancePolicy",
        }
    }

    /// How a client addresses its resources.
    pub fn api_resource(self) -> ApiResource {
        ApiResource {
            group: GROUP.to_owned(),
            version: VERSION.to_owned(),
            api_version: API_VERSION.to_owned(),
            kind: self.name().to_owned(),
            plural: self.plural().to_owned(),
        }
    }

    /// The name in paths.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Program => "programs",
            Self::DataContract => "datacontracts",
            Self::Audience => "audiences",
            Self::ContentModule => "contentmodules",
            Self::Channel => "channels",
            Self::ChannelBinding => "channelbindings",
            Self::Metric => "metrics",
            Self::Experiment => "experiments",
            Self::Holdout => "holdouts",
            Self::GovernancePolicy => "governancepolicies",
        }
    }

    /// The name for hurried people.
    pub const fn short_name(self) -> &'static str {
        match self {
            Self::Program => "attprog",
            Self::DataContract => "attdata",
            Self::Audience => "attaud",
            Self::ContentModule => "attmod",
            Self::Channel => "attchan",
            Self::ChannelBinding => "attbind",
            Self::Metric => "attmetric",
            Self::Experiment => "attexp",
            Self::Holdout => "atthold",
            Self::GovernancePolicy => "attpol",
        }
    }

    /// Whether its resources live in a namespace.
    pub const fn scope(self) -> Scope {
        match self {
            Self::GovernancePolicy => Scope::Cluster,
            _ => Scope::Namespaced,
        }
    }

    /// Whether its resources live in a namespace.
    pub const fn is_namespaced(self) -> bool {
        matches!(self.scope(), Scope::Namespaced)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no kind of this group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kind of attune.dev")]
pub struct UnknownKind(pub String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownKind(name.to_owned()))
    }
}
