//! A bundle loaded for deciding: references resolved to indices, expressions linked to slots, content pre-serialized.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::bucket::{Salt, Weights};
use crate::bundle::{self, Bundle, Cap, Exposure, Metadata, StopOn, Window};
use crate::context::Context;
use crate::expr::Program as Expression;
use crate::locale::{self, Lineage};
use crate::value::AttributeType;

mod content;
mod index;
mod ix;
mod link;
mod paths;

pub(crate) use content::{Choices, Module, VariantIx};
pub use content::{lineages, preferred, slots, speaks};
pub(crate) use index::{Guards, Index};
pub(crate) use ix::Ix;
pub(crate) use paths::{PathNode, Sink};

/// Index of a consent purpose; 0 is always [`SERVICE`].
pub(crate) type PurposeIx = usize;

/// The purpose that needs no consent.
pub const SERVICE: &str = "service";

/// A bundle, loaded once and then read by every request.
#[derive(Debug)]
pub struct Engine {
    pub(crate) revision: String,
    pub(crate) bundle: Arc<Bundle>,
    pub(crate) purposes: Vec<String>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) paths: PathNode,
    pub(crate) audiences: Vec<Audience>,
    /// What rules audiences out at once.
    pub(crate) guards: Guards,
    pub(crate) modules: Vec<Module>,
    pub(crate) programs: Vec<Program>,
    pub(crate) holdouts: Vec<Holdout>,
    pub(crate) experiments: Vec<Experiment>,
    pub(crate) bindings: Vec<Binding>,
    /// By name.
    pub(crate) touchpoints: Vec<Touchpoint>,
    pub(crate) quiet_hours: Option<QuietHours>,
    /// Whether JSON needs no escapes for any name that an answer may carry.
    pub(crate) is_plain: bool,
}

/// Why a bundle that parsed cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Something in the bundle names something that is not in it.
    #[error("`{field}` names `{target}`, which is not in the bundle")]
    Dangling {
        /// Where.
        field: String,
        /// What.
        target: String,
    },
    /// An expression does not fit the bundle's attributes.
    #[error("the expression of `{owner}` cannot be linked: {source}")]
    Link {
        /// Whose expression.
        owner: String,
        /// Why.
        #[source]
        source: crate::expr::LinkError,
    },
    /// A time zone that is not in the IANA database of this build.
    #[error("`settings.quietHours.timeZone` is `{name}`, which is no IANA time zone")]
    TimeZone {
        /// The name given.
        name: String,
    },
    /// More attributes than there are slots.
    #[error("the bundle reads {found} attributes, more than 65535")]
    TooManyAttributes {
        /// How many.
        found: usize,
    },
    /// An experiment without exactly one control, without its promoted arm, or with weights that cannot be summed.
    #[error("experiment `{name}` has arms that cannot be split: {why}")]
    Arms {
        /// The experiment.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The bundle cannot be read or hashed.
    #[error(transparent)]
    Bundle(#[from] bundle::BundleError),
}

#[derive(Debug)]
pub(crate) struct Attribute {
    pub name: String,
    pub ty: AttributeType,
    pub values: Vec<String>,
    pub purpose: PurposeIx,
    pub sensitive: bool,
}

#[derive(Debug)]
pub(crate) struct Audience {
    pub name: String,
    pub source: String,
    pub rule: Expression,
}

#[derive(Debug)]
pub(crate) struct Program {
    pub name: String,
    pub purpose: PurposeIx,
    pub suspended: bool,
    pub holdouts: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct Holdout {
    pub name: String,
    pub salt: Salt,
    pub share_bp: u32,
    pub period: Window,
}

#[derive(Debug)]
pub(crate) struct Experiment {
    pub name: String,
    pub mode: Mode,
    pub schedule: Window,
    pub arms_salt: Salt,
    pub traffic_salt: Salt,
    pub traffic_bp: u32,
    pub phase: i32,
    pub exclusion: Option<(Salt, u32, u32)>,
    pub audiences: Vec<String>,
    pub weights: Weights,
    pub arms: Vec<Arm>,
    /// Index of the control in `arms`.
    pub control: usize,
}

/// [`bundle::ExperimentMode`] with the arm resolved.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mode {
    Split,
    Control,
    Promoted(usize),
}

#[derive(Debug)]
pub(crate) struct Arm {
    pub name: String,
    pub effect: Effect,
}

#[derive(Debug)]
pub(crate) enum Effect {
    Baseline,
    Personalize,
    Module(ByBinding<usize>),
    Variant(ByBinding<Shown>),
}

/// A module and the place of one of its variants.
pub(crate) type Shown = (usize, Option<VariantIx>);

/// What is shown in general, and what some bindings show in its place.
#[derive(Debug)]
pub(crate) struct ByBinding<T> {
    pub general: T,
    /// Nearly always empty: what binding, and what it shows.
    pub others: Vec<(usize, T)>,
}

impl Experiment {
    /// The module that each arm which somebody may be in shows at a binding, where it is not the one that won.
    pub(crate) fn modules_at(&self, binding: usize) -> impl Iterator<Item = usize> {
        let is_open = |(place, _): &(usize, &Arm)| match self.mode {
            Mode::Split => true,
            Mode::Promoted(promoted) => *place == promoted,
            Mode::Control => *place == self.control,
        };
        let arms = self.arms.iter().enumerate().filter(is_open);
        arms.filter_map(move |(_, arm)| match &arm.effect {
            Effect::Baseline | Effect::Personalize => None,
            Effect::Module(shown) => Some(shown.at(binding)),
            Effect::Variant(shown) => Some(shown.at(binding).0),
        })
    }
}

impl<T: Copy> ByBinding<T> {
    pub(crate) fn at(&self, binding: usize) -> T {
        let mut others = self.others.iter();
        let other = others.find(|(known, _)| *known == binding);
        other.map_or(self.general, |(_, other)| *other)
    }
}

#[derive(Debug)]
pub(crate) struct Binding {
    pub name: String,
    pub program: usize,
    pub priority: i64,
    pub suspended: bool,
    pub rollout_salt: Salt,
    pub rollout_bp: u32,
    pub exposure: Exposure,
    pub caps: Vec<Cap>,
    pub stop_on: Vec<StopOn>,
    /// Experiments that list this binding, by name.
    pub experiments: Vec<usize>,
    /// Modules that their arms may show in place of the one that won.
    pub shown_by_arms: Vec<usize>,
    /// Place of its first candidate in [`Engine::rules`].
    pub first_rule: usize,
}

/// What a rule is called where rules are counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RuleName<'e> {
    /// The binding's name.
    pub binding: &'e str,
    /// Its candidate.
    pub candidate: &'e bundle::Candidate,
}

#[derive(Debug)]
pub(crate) struct Candidate {
    /// Position in the touchpoint's list.
    pub place: Ix,
    pub binding: usize,
    /// Position in the binding's list.
    pub index: usize,
    pub module: usize,
    pub audiences: Vec<usize>,
    /// The module's variant for each of the audiences.
    pub choices: Choices,
    /// The program's.
    pub purpose: PurposeIx,
    /// Whether the Channel, the binding, its program or the module is suspended.
    pub is_suspended: bool,
    /// Whether what the unit was shown or did may silence it.
    pub is_limited: bool,
    pub when: Option<(String, Expression)>,
    pub score: Option<Expression>,
}

#[derive(Debug)]
pub(crate) struct Touchpoint {
    pub name: String,
    /// Position in the engine's list.
    pub place: Ix,
    pub baseline: Option<usize>,
    /// The baseline's variant.
    pub baseline_choices: Choices,
    /// Candidates of all its bindings: priority descending, then binding name, then position.
    pub candidates: Vec<Candidate>,
    /// Of each candidate the audience, where it names exactly one: side by side, for whoever only looks for those.
    pub sole_audiences: Box<[Ix]>,
    /// Audiences that those candidates name, each once.
    pub audiences: Vec<usize>,
    /// Purposes of those candidates' programs, each once.
    pub purposes: Vec<PurposeIx>,
    /// Whether any of those candidates has a score: else the first that nothing suppresses wins.
    pub is_scored: bool,
    /// Which candidates to look at for what a request says.
    pub index: Index,
    /// Whether what the unit was shown or did may change what wins.
    pub asks_history: bool,
}

#[derive(Debug)]
pub(crate) struct QuietHours {
    pub from_minute: u16,
    pub to_minute: u16,
    pub time_zone: TimeZone,
}

impl Engine {
    /// Loads a bundle.
    ///
    /// # Errors
    /// When something in it does not resolve; a bundle that the compiler made always loads.
    pub fn load(bundle: impl Into<Arc<Bundle>>) -> Result<Self, EngineError> {
        let bundle = bundle.into();
        let canonical = bundle.canonical()?;
        link::load(bundle, Bundle::revision(&canonical))
    }

    /// Loads a bundle whose revision is known: it was written as canonical JSON just before.
    ///
    /// # Errors
    /// As [`Engine::load`].
    pub fn load_revision(bundle: Arc<Bundle>, revision: String) -> Result<Self, EngineError> {
        link::load(bundle, revision)
    }

    /// Reads and loads canonical or any other JSON of a bundle. The revision is that of everything in the JSON, fields
    /// that this build does not know included: it is the one that the operator published.
    ///
    /// # Errors
    /// When it is no bundle, of a newer format, or does not resolve.
    pub fn parse(bytes: &[u8]) -> Result<Self, EngineError> {
        let bundle = Bundle::parse(bytes)?;
        link::load(Arc::new(bundle), bundle::revision_of(bytes)?)
    }

    /// As [`Engine::parse`], where the bytes are known to be canonical and of that revision, which is a third of the work.
    ///
    /// # Errors
    /// As [`Engine::parse`].
    pub fn parse_named(bytes: &[u8], revision: &str) -> Result<Self, EngineError> {
        link::load(Arc::new(Bundle::parse(bytes)?), revision.to_owned())
    }

    /// The revision of the loaded bundle.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The bundle as loaded.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The names of the touchpoints, sorted.
    pub fn touchpoints(&self) -> impl Iterator<Item = &str> {
        self.touchpoints.iter().map(|touchpoint| touchpoint.name.as_str())
    }

    /// Whether the Channel declares a touchpoint of that name.
    pub fn has_touchpoint(&self, name: &str) -> bool {
        self.touchpoint(name).is_some()
    }

    /// Whether what a unit was shown or did may change what the touchpoint of that name shows.
    pub fn asks_history(&self, touchpoint: &str) -> bool {
        let known = self.touchpoint(touchpoint);
        known.is_some_and(|touchpoint| touchpoint.asks_history)
    }

    /// The touchpoint of that name.
    pub(crate) fn touchpoint(&self, name: &str) -> Option<&Touchpoint> {
        let place = self
            .touchpoints
            .binary_search_by(|known| known.name.as_str().cmp(name));
        self.touchpoints.get(place.ok()?)
    }

    /// Which of the Channel's locales serves a request; 0 where it asks for none of them.
    pub(crate) fn locale(&self, context: &Context<'_>) -> usize {
        context
            .locale()
            .and_then(|locale| {
                let settings = &self.bundle.settings;
                locale::lookup_with(&settings.locales, &settings.locale_fallback, locale)
            })
            .unwrap_or(0)
    }

    /// Whether a locale of the Channel, by its place, falls back on the first one, which words of no locale are in.
    pub fn falls_back_on_first(&self, locale: usize) -> bool {
        let settings = &self.bundle.settings;
        let (first, own) = (settings.locales.first(), settings.locales.get(locale));
        first
            .zip(own)
            .is_some_and(|(first, own)| Lineage::of(own, &settings.locale_fallback).falls_back_on(first))
    }

    /// How much metadata the Channel's answers carry.
    pub fn metadata(&self) -> Metadata {
        self.bundle.settings.metadata
    }

    /// Every rule: the candidates of all bindings, by the binding's name and their position.
    pub fn rules(&self) -> impl Iterator<Item = RuleName<'_>> {
        let bindings = self.bundle.bindings.iter();
        bindings.flat_map(|(name, binding)| {
            let candidates = binding.candidates.iter();
            candidates.map(|candidate| RuleName {
                binding: name,
                candidate,
            })
        })
    }

    /// The attributes that rules read, in the order of [`Context::observed`](crate::context::Context::observed), with whether
    /// the Channel's clients may supply them: others are always absent.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, bool)> {
        let names = self.attributes.iter().map(|attribute| attribute.name.as_str());
        names.map(|name| {
            let sink = self.paths.walk(name).map(PathNode::sink);
            (name, sink.is_some_and(|sink| sink.attribute.is_some()))
        })
    }

    /// When the named binding records an exposure.
    pub fn exposure(&self, binding: &str) -> Option<Exposure> {
        self.binding(binding).map(|known| known.exposure)
    }

    /// The names of the modules that arms of experiments may show where the named binding won.
    pub(crate) fn shown_by_arms(&self, binding: &str) -> impl Iterator<Item = &str> {
        let places = self
            .binding(binding)
            .into_iter()
            .flat_map(|known| &known.shown_by_arms);
        let modules = places.filter_map(|place| self.modules.get(*place));
        modules.map(|module| module.name.as_str())
    }

    fn binding(&self, name: &str) -> Option<&Binding> {
        // Bindings are numbered by name.
        let place = self
            .bindings
            .binary_search_by(|known| known.name.as_str().cmp(name));
        self.bindings.get(place.ok()?)
    }

    /// How many rules are live: candidates of bindings whose own and whose program's and module's suspension is off.
    pub fn live_rules(&self) -> usize {
        let candidates = self
            .touchpoints
            .iter()
            .flat_map(|touchpoint| &touchpoint.candidates);
        candidates.filter(|candidate| !candidate.is_suspended).count()
    }
}
