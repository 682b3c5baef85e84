//! What a decider needs to decide for one Channel, and nothing more.
//!
//! A bundle is data: canonical JSON (RFC 8785) whose hash is its revision. Rules in it are already checked and lowered;
//! [`crate::engine::Engine`] loads one for deciding. Unknown fields are ignored, a newer [`FORMAT_VERSION`] is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::expr::Expression;
use crate::pieces;
use crate::value::AttributeType;

mod experiment;
mod settings;
#[cfg(test)]
mod tests;

pub use experiment::{Arm, Effect, Exclusion, Experiment, ExperimentMode};
pub use settings::{ChannelSettings, Identity, Metadata, OnFailure, Replay, SharedState};

/// The newest bundle format that this build writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// Largest bundle taken from anywhere, in bytes of JSON.
pub const MAX_BUNDLE_BYTES: usize = 64 * 1024 * 1024;

/// Bytes that are hashed in one piece of work.
const HASHED_AT_ONCE: usize = 64 * 1024;

/// Hex digits of a revision: 128 bits of SHA-256.
const REVISION_DIGITS: usize = 32;

/// Hex digits of a rule's key: a binding has 64 rules at most.
const RULE_DIGITS: usize = 12;

/// Names an audience or a module inside a bundle: `<name>@<content hash>`, so that an old and a new form of one object
/// may stand side by side.
pub type ContentId = String;

/// Everything needed to decide for one Channel. Bundles that hold the same audience or module may share it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bundle {
    /// See [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Namespace of the Channel and of everything it refers to.
    pub namespace: String,
    /// Name of the Channel.
    pub channel: String,
    /// The Channel's own settings.
    pub settings: ChannelSettings,
    /// Attributes that some rule reads, by name.
    #[serde(deserialize_with = "pieces::map")]
    pub attributes: BTreeMap<String, Attribute>,
    /// Audiences that some candidate names.
    #[serde(deserialize_with = "pieces::map")]
    pub audiences: BTreeMap<ContentId, Arc<Audience>>,
    /// Modules that some candidate, arm or baseline names.
    #[serde(deserialize_with = "pieces::map")]
    pub modules: BTreeMap<ContentId, Arc<Module>>,
    /// Programs of the bindings, by name.
    #[serde(deserialize_with = "pieces::map")]
    pub programs: BTreeMap<String, Program>,
    /// Holdouts that cover one of the programs, by name.
    #[serde(deserialize_with = "pieces::map")]
    pub holdouts: BTreeMap<String, Holdout>,
    /// Experiments that split one of the bindings, by name.
    #[serde(deserialize_with = "pieces::map")]
    pub experiments: BTreeMap<String, Experiment>,
    /// Touchpoints, by name.
    #[serde(deserialize_with = "pieces::map")]
    pub touchpoints: BTreeMap<String, Touchpoint>,
    /// Bindings, by name.
    #[serde(deserialize_with = "pieces::map")]
    pub bindings: BTreeMap<String, Binding>,
}

/// One attribute that rules of the bundle read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attribute {
    /// How the context's JSON is read.
    #[serde(rename = "type")]
    pub ty: AttributeType,
    /// The values that the contract lists; others are kept and counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// The consent purpose without which the attribute is absent.
    pub purpose: String,
    /// Whether the purpose must be granted explicitly.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sensitive: bool,
}

/// Who: a rule over attributes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Audience {
    /// The Audience's name.
    pub name: String,
    /// The rule.
    #[serde(rename = "match")]
    pub rule: Rule,
}

/// An expression and the text that it was written as.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rule {
    /// As written, for people who read a trace.
    pub source: String,
    /// As evaluated.
    pub expression: Expression,
}

/// With what: a constant core and variants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Module {
    /// The `ContentModule`'s name.
    pub name: String,
    /// Whether only the baseline variant may be shown.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspended: bool,
    /// Its labels, of those that [`ChannelSettings::diversity`] lists.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Slots that are the same in every variant.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub core: BTreeMap<String, serde_json::Value>,
    /// The core's values by locale, over the default ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub localized_core: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    /// The variant for everyone.
    pub baseline: String,
    /// The variants that this Channel may show, in the listed order.
    pub variants: Vec<Variant>,
}

/// One version of a module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Variant {
    /// The variant's name.
    pub name: String,
    /// Audience names; empty: everyone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
    /// Whether the variant names this Channel; one that names other Channels only is not in the bundle.
    #[serde(default, skip_serializing_if = "is_false")]
    pub names_channel: bool,
    /// Locales; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locales: Vec<String>,
    /// The slots' values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub content: BTreeMap<String, serde_json::Value>,
    /// The content's values by locale, over `content`: what is the same in every variant but for its own name in it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub localized_content: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    /// When it may be shown.
    #[serde(default, skip_serializing_if = "Window::is_always")]
    pub validity: Window,
}

/// A half-open interval of time, `[from, until)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Window {
    /// First instant inside; absent: no lower bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub from: Option<Timestamp>,
    /// First instant after; absent: no upper bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub until: Option<Timestamp>,
}

impl Window {
    /// Whether `now` lies inside.
    pub fn contains(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }

    /// Whether every instant lies inside.
    pub fn is_always(&self) -> bool {
        self.from.is_none() && self.until.is_none()
    }
}

/// Why: one program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Program {
    /// The consent purpose without which its bindings drop out.
    pub purpose: String,
    /// Whether its bindings drop out for everyone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspended: bool,
    /// Holdouts that cover it, in the order in which they are tested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holdouts: Vec<String>,
}

/// What is never personalized.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Holdout {
    /// Precedes the unit in the hash.
    pub salt: String,
    /// Share of units held, in basis points.
    pub share_bp: u32,
    /// When anybody is held.
    #[serde(default, skip_serializing_if = "Window::is_always")]
    pub period: Window,
}

/// A place in a Channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Touchpoint {
    /// The module that serves whoever gets nothing else; `None` leaves it to the client's code default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<ContentId>,
    /// The format that each slot's words are in, as the Channel spells it, where they are in another form than they were
    /// written in.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub formats: BTreeMap<String, String>,
}

/// Which content, for which program, at which touchpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Binding {
    /// The touchpoint's name.
    pub touchpoint: String,
    /// The program's name.
    pub program: String,
    /// Higher wins.
    pub priority: i64,
    /// Whether its candidates drop out for everyone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspended: bool,
    /// In order; the first that admits the unit.
    pub candidates: Vec<Candidate>,
    /// Share of units that may win, in basis points.
    pub rollout_bp: u32,
    /// When an exposure is recorded.
    pub exposure: Exposure,
    /// Frequency caps over what this binding shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<Cap>,
    /// Outcomes after which it is silent for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop_on: Vec<StopOn>,
}

/// One choice of a binding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Candidate {
    /// The module to show.
    pub module: ContentId,
    /// Audiences, any of which admits; empty: everyone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<ContentId>,
    /// A further condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Rule>,
    /// Ranks candidates of one priority, higher first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Rule>,
}

/// When an exposure is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Exposure {
    /// With the decision.
    OnDecision,
    /// When the channel reports that it committed to show it.
    OnRender,
}

/// At most `max` shows in a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cap {
    /// What is counted.
    pub per: CapScope,
    /// The most shows allowed.
    pub max: u32,
    /// The window's length, in seconds.
    pub window_seconds: i64,
}

/// What a cap counts, always for one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum CapScope {
    /// Shows of whatever declares the cap: the binding's, or the Channel's.
    Unit,
    /// Shows of the candidate's module.
    Module,
    /// Shows of the binding's program.
    Program,
    /// Shows of the Channel.
    Channel,
}

/// An outcome that silences a binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StopOn {
    /// The outcome's event name.
    pub event: String,
    /// For how long after it, in seconds.
    pub window_seconds: i64,
}

/// A daily time in which nothing is sent; `from` after `to` spans midnight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuietHours {
    /// Minutes after midnight, inclusive.
    pub from_minute: u16,
    /// Minutes after midnight, exclusive.
    pub to_minute: u16,
    /// IANA time zone of units that tell none.
    pub time_zone: String,
}

/// Why a bundle cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The bytes are not a bundle.
    #[error("the bundle is not readable: {0}")]
    Parse(#[source] serde_json::Error),
    /// It was written by a newer Attune.
    #[error(
        "the bundle has format version {found}, newer than {FORMAT_VERSION}: upgrade the decider before the operator"
    )]
    NewerFormat {
        /// The version found.
        found: u32,
    },
    /// It could not be written as JSON.
    #[error("the bundle cannot be written: {0}")]
    Write(#[source] serde_json::Error),
}

impl Bundle {
    /// How far back anything is kept: what its own rules look at, and what those of Channels that share its memory do.
    pub fn memory_window(&self) -> SignedDuration {
        let shared = self.settings.state.as_ref();
        let shared = shared.map_or(0, |state| state.window_seconds);
        self.history_window().max(SignedDuration::from_secs(shared))
    }

    /// How far back any rule, cap, gap or stop looks at what a unit was shown and did; zero where none does.
    pub fn history_window(&self) -> SignedDuration {
        let audiences = self.audiences.values().map(|audience| &audience.rule);
        let candidates = self.bindings.values().flat_map(|binding| &binding.candidates);
        let own = candidates.flat_map(|candidate| candidate.when.iter().chain(&candidate.score));
        let rules = audiences.chain(own).filter_map(|rule| rule.expression.history());
        let caps = self.bindings.values().flat_map(|binding| &binding.caps);
        let caps = caps.chain(&self.settings.caps).map(|cap| cap.window_seconds);
        let stops = self.bindings.values().flat_map(|binding| &binding.stop_on);
        let seconds = caps
            .chain(stops.map(|stop| stop.window_seconds))
            .chain(self.settings.minimum_gap_seconds);
        rules
            .chain(seconds.map(SignedDuration::from_secs))
            .max()
            .unwrap_or(SignedDuration::ZERO)
    }

    /// Reads a bundle, ignoring unknown fields.
    ///
    /// # Errors
    /// When the bytes are no bundle, or one of a newer format.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            format_version: u32,
        }
        let parsed = serde_json::from_slice::<Self>(bytes);
        let found = match &parsed {
            Ok(bundle) => bundle.format_version,
            // A newer format may be anything, and says so where it is asked for nothing else.
            Err(_) => serde_json::from_slice::<Version>(bytes).map_or(0, |version| version.format_version),
        };
        if found > FORMAT_VERSION {
            return Err(BundleError::NewerFormat { found });
        }
        parsed.map_err(BundleError::Parse)
    }

    /// The canonical JSON (RFC 8785): the same bundle gives the same bytes everywhere.
    ///
    /// # Errors
    /// When a value has no JSON form, which no checked bundle holds.
    pub fn canonical(&self) -> Result<Vec<u8>, BundleError> {
        serde_json_canonicalizer::to_vec(self).map_err(BundleError::Write)
    }

    /// The revision of canonical bytes: the first 128 bits of their SHA-256, in hex.
    pub fn revision(canonical: &[u8]) -> String {
        content_hash(canonical, REVISION_DIGITS)
    }

    /// What precedes the unit where a binding's rollout is decided.
    pub fn rollout_salt(&self, binding: &str) -> String {
        format!("{}/{binding}:rollout", self.namespace)
    }

    /// What a rule is called where rules are counted: the same in every revision for the same module, audiences and
    /// expressions, whatever stands beside it in the list.
    pub fn rule_key(&self, rule: &Candidate) -> String {
        let module = self.modules.get(&rule.module).map(|module| module.name.as_str());
        let audiences = rule.audiences.iter().filter_map(|id| self.audiences.get(id));
        let audiences: Vec<_> = audiences.map(|audience| audience.name.as_str()).collect();
        let source = |rule: &Option<Rule>| rule.as_ref().map(|rule| rule.source.clone());
        let says = (module, audiences, source(&rule.when), source(&rule.score));
        // INVARIANT: names and sources always serialize.
        content_hash(&serde_json::to_vec(&says).unwrap_or_default(), RULE_DIGITS)
    }
}

/// The revision of a bundle's JSON, whatever its spelling.
///
/// # Errors
/// When the bytes are not JSON.
pub(crate) fn revision_of(bytes: &[u8]) -> Result<String, BundleError> {
    let json: serde_json::Value = serde_json::from_slice(bytes).map_err(BundleError::Parse)?;
    let canonical = serde_json_canonicalizer::to_vec(&json).map_err(BundleError::Write)?;
    Ok(Bundle::revision(&canonical))
}

/// The id of an object with this content inside a bundle: `<name>@<12 hex digits>`.
///
/// # Errors
/// When the content has no JSON form.
pub fn content_id(name: &str, content: &impl Serialize) -> Result<ContentId, BundleError> {
    let canonical = serde_json_canonicalizer::to_vec(content).map_err(BundleError::Write)?;
    Ok(format!("{name}@{}", content_hash(&canonical, 12)))
}

/// The first `digits` hex digits of the SHA-256 of a value's canonical JSON.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn canonical_hash(content: &impl Serialize, digits: usize) -> Result<String, BundleError> {
    let canonical = serde_json_canonicalizer::to_vec(content).map_err(BundleError::Write)?;
    Ok(content_hash(&canonical, digits))
}

/// The first `digits` hex digits of the bytes' SHA-256.
pub fn content_hash(bytes: &[u8], digits: usize) -> String {
    use std::fmt::Write as _;

    let mut text = String::with_capacity(64);
    let mut hasher = Sha256::new();
    for piece in bytes.chunks(HASHED_AT_ONCE) {
        hasher.update(piece);
        pieces::done();
    }
    for byte in hasher.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.truncate(digits);
    text
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}
