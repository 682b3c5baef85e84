//! What a unit has already been shown and has done, as far as suppression and rules need it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How far back `history.last` and `history.lastShown` look, at the least.
pub const LAST_WINDOW: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How far back any rule may look.
pub const MAX_WINDOW: SignedDuration = SignedDuration::from_hours(400 * 24);

/// What is counted for one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shown<'a> {
    /// Shows of one binding.
    Binding(&'a str),
    /// Shows of one module.
    Module(&'a str),
    /// Shows of one program.
    Program(&'a str),
    /// Shows of one Channel.
    Channel(&'a str),
}

/// What kind of thing is counted of a unit's shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ShownKind {
    /// [`Shown::Binding`].
    Binding,
    /// [`Shown::Module`].
    Module,
    /// [`Shown::Program`].
    Program,
    /// [`Shown::Channel`].
    Channel,
}

impl ShownKind {
    const ALL: [Self; 4] = [Self::Binding, Self::Module, Self::Program, Self::Channel];

    /// The kind of resource, as rules write it before the name: `Program/loyalty`.
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Binding => "ChannelBinding",
            Self::Module => "ContentModule",
            Self::Program => "Program",
            Self::Channel => "Channel",
        }
    }

    /// What a kind of resource is here, if shows are counted by it.
    pub fn of_resource(resource: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.resource() == resource)
    }

    /// Shows of the thing of this kind and that name.
    pub const fn named(self, name: &str) -> Shown<'_> {
        match self {
            Self::Binding => Shown::Binding(name),
            Self::Module => Shown::Module(name),
            Self::Program => Shown::Program(name),
            Self::Channel => Shown::Channel(name),
        }
    }
}

impl<'a> Shown<'a> {
    /// What kind of thing it is, and its name.
    pub const fn parts(self) -> (ShownKind, &'a str) {
        match self {
            Self::Binding(name) => (ShownKind::Binding, name),
            Self::Module(name) => (ShownKind::Module, name),
            Self::Program(name) => (ShownKind::Program, name),
            Self::Channel(name) => (ShownKind::Channel, name),
        }
    }
}

/// The past of the unit that a decision is for, for suppression and for rules. Implementations answer from memory; they never wait.
pub trait History {
    /// How often it was shown after an instant: a window `[show, show + window)` is over when it has passed, as with the
    /// gap and the stops.
    fn shown(&self, what: Shown<'_>, since: Timestamp) -> u32;

    /// A number that [`History::shown`] never exceeds: nobody has to count up to a cap above it.
    fn most_shown(&self) -> u32 {
        u32::MAX
    }

    /// When it was last shown.
    fn last_shown(&self, what: Shown<'_>) -> Option<Timestamp>;

    /// When an outcome of that name last happened, on any Channel.
    fn last_outcome(&self, event: &str) -> Option<Timestamp>;

    /// How often an outcome of that name happened after an instant, on any Channel.
    fn outcomes(&self, event: &str, since: Timestamp) -> u32;

    /// Whether the rest can be believed. Where not, whatever has a cap, a gap or a stop is suppressed, and expressions about
    /// history have no value.
    fn is_known(&self) -> bool {
        true
    }
}

/// A unit about which nothing is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHistory;

impl History for NoHistory {
    fn shown(&self, _: Shown<'_>, _: Timestamp) -> u32 {
        0
    }

    fn most_shown(&self) -> u32 {
        0
    }

    fn last_shown(&self, _: Shown<'_>) -> Option<Timestamp> {
        None
    }

    fn last_outcome(&self, _: &str) -> Option<Timestamp> {
        None
    }

    fn outcomes(&self, _: &str, _: Timestamp) -> u32 {
        0
    }
}

/// A unit about whose past nobody can be asked now, where nothing is to be shown without.
#[derive(Debug, Clone, Copy, Default)]
pub struct UnknownHistory;

impl History for UnknownHistory {
    fn shown(&self, _: Shown<'_>, _: Timestamp) -> u32 {
        u32::MAX
    }

    fn last_shown(&self, _: Shown<'_>) -> Option<Timestamp> {
        None
    }

    fn last_outcome(&self, _: &str) -> Option<Timestamp> {
        None
    }

    fn outcomes(&self, _: &str, _: Timestamp) -> u32 {
        0
    }

    fn is_known(&self) -> bool {
        false
    }
}
