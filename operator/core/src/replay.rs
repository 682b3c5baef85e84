//! What a decision depended on, kept so that it can be made again.
//!
//! A decision is a function of the bundle, the unit and its context, the unit's past, the page and the instant. The
//! [`Inputs`] are all of it but the bundle and the unit's id: only what the bundle reads, nothing sensitive, and of the past
//! only what was asked for. With the same bundle and the same unit, [`Inputs::decide`] comes to the same decision.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::bundle::Identity;
use crate::context::{Context, ContextError, SlotState, UnitSource};
use crate::decide::{Decision, Request, Taken, UnknownTouchpoint, decide_beside};
use crate::engine::Engine;
use crate::history::{History, Shown, ShownKind};
use crate::trace::Trace;
use crate::value::Value;

#[cfg(test)]
mod tests;

/// What one decision depended on beside the bundle and the unit's id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// The instant, as exactly as it was decided by.
    pub now: Timestamp,
    /// Which path gave the unit.
    pub unit_from: UnitSource,
    /// What the bundle read of the context, by dotted name; never an id of the unit, wherever it stands, and nothing
    /// sensitive.
    pub context: Map<String, Json>,
    /// Attributes that the bundle read and that are not kept: they are sensitive, or an id of the unit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<String>,
    /// Attributes that were there and of no use: not granted, or of the wrong type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unusable: BTreeMap<String, SlotState>,
    /// Whether nobody could tell the unit's past.
    #[serde(default, skip_serializing_if = "is_false")]
    pub blind: bool,
    /// What was asked of the unit's past and was not nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heard: Vec<Heard>,
    /// Modules that had won elsewhere on the page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<String>,
    /// Modules that arms of experiments might have shown in place of one of those.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_by_arms: Vec<String>,
    /// How much alike the page was to be at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diversity: Option<Diversity>,
}

/// At most so many modules with one value of a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Diversity {
    /// The label.
    pub label: String,
    /// How many.
    pub max: usize,
}

/// One question about a unit's past, and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "of",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Heard {
    /// It was shown something so often after an instant.
    Shown {
        /// What kind of thing.
        what: ShownKind,
        /// Its name.
        name: String,
        /// The instant.
        since: Timestamp,
        /// How often.
        times: u32,
    },
    /// It was last shown something.
    LastShown {
        /// What kind of thing. Records of before rules could ask name Channels alone.
        #[serde(default = "channel")]
        what: ShownKind,
        /// Its name.
        #[serde(alias = "channel")]
        name: String,
        /// When.
        at: Timestamp,
    },
    /// It last did something.
    LastOutcome {
        /// What.
        event: String,
        /// When.
        at: Timestamp,
    },
    /// It did something so often after an instant.
    Outcomes {
        /// What.
        event: String,
        /// The instant.
        since: Timestamp,
        /// How often.
        times: u32,
    },
}

/// Why a decision cannot be made again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// What was kept of the context cannot be read.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The bundle is not the one that decided.
    #[error(transparent)]
    Touchpoint(#[from] UnknownTouchpoint),
}

/// What is decided again.
#[derive(Debug, Clone, Copy)]
pub struct Replay<'r> {
    /// The touchpoint's name.
    pub touchpoint: &'r str,
    /// Whom it was for.
    pub unit: &'r str,
    /// Values that take the place of those that were kept, by dotted name.
    pub given: &'r Map<String, Json>,
}

impl Inputs {
    /// Decides once and keeps what the decision depended on. Slower than a decision of which nothing is kept: everything
    /// is evaluated, also what cannot change who wins, so that each step can be explained later. `None` stands beside the
    /// decision where the context names nobody: there is nothing of anybody to explain.
    ///
    /// # Errors
    /// When the bundle has no such touchpoint.
    pub fn watch<'e>(
        engine: &'e Engine,
        request: Request<'_>,
        taken: &Taken<'e>,
    ) -> Result<(Decision<'e>, Option<Self>), UnknownTouchpoint> {
        let witness = Witness::new(request.history);
        let watched = Request {
            history: &witness,
            ..request
        };
        let decision = decide_beside(engine, watched, taken, &mut Trace::on())?;
        let Some((_, unit_from)) = request.context.unit() else {
            return Ok((decision, None));
        };
        let (context, withheld) = readable(engine, request.context);
        let inputs = Self {
            now: request.now,
            unit_from,
            context,
            withheld,
            unusable: unusable(engine, request.context),
            blind: !request.history.is_known(),
            heard: witness.heard.into_inner(),
            taken: taken.modules().map(str::to_owned).collect(),
            taken_by_arms: taken.by_arms().map(str::to_owned).collect(),
            diversity: Diversity::of(engine, taken),
        };
        Ok((decision, Some(inputs)))
    }

    /// Makes the decision again.
    ///
    /// # Errors
    /// When the bundle is not the one that decided.
    pub fn decide<'e>(
        &self,
        engine: &'e Engine,
        replay: Replay<'_>,
        trace: &mut Trace,
    ) -> Result<Decision<'e>, ReplayError> {
        let json = Json::Object(self.context_of(&engine.bundle().settings.identity, replay)).to_string();
        let mut context = Context::decode(engine, json.as_bytes())?;
        for (attribute, state) in &self.unusable {
            context.recall(engine, attribute, *state);
        }
        let request = Request {
            touchpoint: replay.touchpoint,
            context: &context,
            history: &Recalled(self),
            now: self.now,
        };
        let empty = self
            .diversity
            .as_ref()
            .map_or_else(Taken::default, |diversity| diversity.page(engine));
        let taken = empty
            .with(engine, self.taken.iter().map(String::as_str))
            .with_arms(engine, self.taken_by_arms.iter().map(String::as_str));
        Ok(decide_beside(engine, request, &taken, trace)?)
    }

    /// The context as it was, as far as it was kept, for the unit.
    fn context_of(&self, identity: &Identity, replay: Replay<'_>) -> Map<String, Json> {
        let mut context = self.context.clone();
        for (name, value) in replay.given {
            context.insert(name.clone(), value.clone());
        }
        let path = match (self.unit_from, &identity.fallback) {
            (UnitSource::Fallback, Some(fallback)) => fallback,
            _ => &identity.unit,
        };
        context.insert(path.clone(), Json::String(replay.unit.to_owned()));
        context
    }
}

impl Diversity {
    fn of(engine: &Engine, taken: &Taken<'_>) -> Option<Self> {
        let (label, max) = taken.diversity()?;
        let label = engine.bundle().settings.diversity.get(label)?.clone();
        Some(Self { label, max })
    }

    /// An empty page; a label that the bundle does not have asks for nothing.
    fn page<'e>(&self, engine: &'e Engine) -> Taken<'e> {
        let labels = &engine.bundle().settings.diversity;
        let label = labels.iter().position(|label| *label == self.label);
        label.map_or_else(Taken::default, |label| Taken::diverse(label, self.max))
    }
}

/// What a bundle reads of a context, as a context that reads the same, and what of it is not to be kept.
fn readable(engine: &Engine, context: &Context<'_>) -> (Map<String, Json>, Vec<String>) {
    let identity = &engine.bundle().settings.identity;
    let names_unit = |name: &str| {
        name == identity.unit || name == Identity::TARGETING_KEY || identity.fallback.as_deref() == Some(name)
    };
    let mut kept = Map::new();
    let mut withheld = Vec::new();
    for (attribute, value) in engine.attributes.iter().zip(&context.slots) {
        let Some(value) = value else { continue };
        if attribute.sensitive || names_unit(&attribute.name) || context.ids().any(|id| is_id(value, id)) {
            withheld.push(attribute.name.clone());
        } else {
            kept.insert(attribute.name.clone(), json(value));
        }
    }
    let texts = [
        (&identity.locale, context.locale()),
        (&identity.time_zone, context.time_zone()),
    ];
    for (path, text) in texts {
        let (Some(path), Some(text)) = (path, text) else {
            continue;
        };
        let attribute = engine.attributes.iter().find(|known| known.name == *path);
        let is_sensitive = attribute.is_some_and(|attribute| attribute.sensitive);
        let is_private = is_sensitive || context.ids().any(|id| id == text);
        if !is_private && !names_unit(path) {
            kept.insert(path.clone(), Json::String(text.to_owned()));
        } else if is_private && !withheld.contains(path) {
            withheld.push(path.clone());
        }
    }
    if let Some(path) = identity.consent.as_ref().filter(|path| !names_unit(path)) {
        let granted = engine.purposes.iter().enumerate();
        let granted = granted
            .filter_map(|(index, purpose)| Some((purpose.clone(), context.grant(index)?.as_str().into())));
        kept.insert(path.clone(), Json::Object(granted.collect()));
    }
    withheld.sort_unstable();
    (kept, withheld)
}

/// Whether a value is somebody's id, or lists it.
fn is_id(value: &Value<'_>, id: &str) -> bool {
    match value {
        Value::String(text) => text.as_ref() == id,
        Value::Int(value) => value.to_string() == id,
        Value::List(values) => values.iter().any(|value| is_id(value, id)),
        _ => false,
    }
}

fn unusable(engine: &Engine, context: &Context<'_>) -> BTreeMap<String, SlotState> {
    let states = context.observed(engine);
    let unusable = states.filter(|(_, state)| matches!(state, SlotState::WrongType | SlotState::Withheld));
    unusable.map(|(name, state)| (name.to_owned(), state)).collect()
}

fn json(value: &Value<'_>) -> Json {
    match value {
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => Json::from(*value),
        Value::Double(value) => Json::from(*value),
        Value::String(text) => Json::String(text.as_ref().to_owned()),
        Value::Timestamp(at) => Json::String(at.to_string()),
        // No attribute is one.
        Value::Duration(_) => Json::Null,
        Value::List(values) => values.iter().map(json).collect(),
    }
}

/// A history that takes down what is asked of it.
struct Witness<'a> {
    history: &'a dyn History,
    heard: RefCell<Vec<Heard>>,
}

impl<'a> Witness<'a> {
    fn new(history: &'a dyn History) -> Self {
        Self {
            history,
            heard: RefCell::default(),
        }
    }

    fn hear(&self, heard: Heard) {
        let mut all = self.heard.borrow_mut();
        if !all.contains(&heard) {
            all.push(heard);
        }
    }
}

impl History for Witness<'_> {
    fn is_known(&self) -> bool {
        self.history.is_known()
    }

    fn shown(&self, what: Shown<'_>, since: Timestamp) -> u32 {
        let times = self.history.shown(what, since);
        if times > 0 {
            let (what, name) = what.parts();
            self.hear(Heard::Shown {
                what,
                name: name.to_owned(),
                since,
                times,
            });
        }
        times
    }

    fn last_shown(&self, what: Shown<'_>) -> Option<Timestamp> {
        let at = self.history.last_shown(what)?;
        let (what, name) = what.parts();
        let name = name.to_owned();
        self.hear(Heard::LastShown { what, name, at });
        Some(at)
    }

    fn last_outcome(&self, event: &str) -> Option<Timestamp> {
        let at = self.history.last_outcome(event)?;
        let event = event.to_owned();
        self.hear(Heard::LastOutcome { event, at });
        Some(at)
    }

    fn outcomes(&self, event: &str, since: Timestamp) -> u32 {
        let times = self.history.outcomes(event, since);
        if times > 0 {
            self.hear(Heard::Outcomes {
                event: event.to_owned(),
                since,
                times,
            });
        }
        times
    }
}

/// A past of which only the answers to some questions are known; everything else was nothing.
struct Recalled<'a>(&'a Inputs);

impl History for Recalled<'_> {
    fn is_known(&self) -> bool {
        !self.0.blind
    }

    fn shown(&self, what: Shown<'_>, since: Timestamp) -> u32 {
        let asked = what.parts();
        let answer = self.0.heard.iter().find_map(|heard| match heard {
            Heard::Shown {
                what,
                name,
                since: from,
                times,
            } if (*what, name.as_str(), *from) == (asked.0, asked.1, since) => Some(*times),
            _ => None,
        });
        answer.unwrap_or(0)
    }

    fn last_shown(&self, what: Shown<'_>) -> Option<Timestamp> {
        let asked = what.parts();
        self.0.heard.iter().find_map(|heard| match heard {
            Heard::LastShown { what, name, at } if (*what, name.as_str()) == asked => Some(*at),
            _ => None,
        })
    }

    fn last_outcome(&self, event: &str) -> Option<Timestamp> {
        self.0.heard.iter().find_map(|heard| match heard {
            Heard::LastOutcome { event: of, at } if of == event => Some(*at),
            _ => None,
        })
    }

    fn outcomes(&self, event: &str, since: Timestamp) -> u32 {
        let answer = self.0.heard.iter().find_map(|heard| match heard {
            Heard::Outcomes {
                event: of,
                since: from,
                times,
            } if (of.as_str(), *from) == (event, since) => Some(*times),
            _ => None,
        });
        answer.unwrap_or(0)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What records that name a Channel alone are about.
fn channel() -> ShownKind {
    ShownKind::Channel
}
