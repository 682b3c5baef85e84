//! Questions to an engine, and its answers.

use attune_core::bundle::Metadata;
use attune_core::context::Context;
use attune_core::decide::{Decision, Reason, Request, decide};
use attune_core::engine::Engine;
use attune_core::history::{History, NoHistory, Shown};
use attune_core::ofrep::Success;
use attune_core::trace::Trace;
use jiff::Timestamp;
use serde_json::Value;

use super::{NOW, instant};

/// One question.
#[derive(Debug, Clone)]
pub struct Ask {
    pub context: Value,
    pub touchpoint: &'static str,
    pub now: Timestamp,
    pub past: Past,
}

impl Ask {
    pub fn new(context: Value) -> Self {
        Self {
            context,
            touchpoint: "home",
            now: instant(NOW),
            past: Past::default(),
        }
    }

    pub fn at(mut self, now: &str) -> Self {
        self.now = instant(now);
        self
    }

    pub fn after(mut self, past: Past) -> Self {
        self.past = past;
        self
    }

    pub fn of(&self, engine: &Engine) -> Answer {
        let json = self.context.to_string();
        let context = Context::decode(engine, json.as_bytes()).expect("a context");
        let request = Request {
            touchpoint: self.touchpoint,
            context: &context,
            history: &self.past,
            now: self.now,
        };
        let mut trace = Trace::on();
        let decision = decide(engine, request, &mut trace).expect("a touchpoint");
        let untraced = decide(engine, request, &mut Trace::off()).expect("a touchpoint");
        assert_eq!(decision, untraced, "tracing changed the decision");
        Answer::new(&decision, &trace)
    }
}

/// The answer to a context given as text, with nothing in its past.
pub fn decide_text(engine: &Engine, json: &str) -> Answer {
    let context = Context::decode(engine, json.as_bytes()).expect("a context");
    let request = Request {
        touchpoint: "home",
        context: &context,
        history: &NoHistory,
        now: instant(NOW),
    };
    let mut trace = Trace::on();
    let decision = decide(engine, request, &mut trace).expect("a touchpoint");
    Answer::new(&decision, &trace)
}

/// A decision that owns its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub reason: Reason,
    pub variant: Option<String>,
    /// The filled slots; `null` for the code default.
    pub value: Value,
    /// Program, binding and audience of the winner.
    pub winner: Option<(String, String, Option<String>)>,
    pub holdout: Option<(String, bool)>,
    pub passed_holdout: Option<String>,
    /// Experiment, arm and phase.
    pub enrolment: Option<(String, String, i32)>,
    /// The OFREP answer with full metadata and without a decision id.
    pub ofrep: Value,
    /// The trace as people read it.
    pub trace: String,
}

impl Answer {
    fn new(decision: &Decision<'_>, trace: &Trace) -> Self {
        let winner = decision.winner.map(|winner| {
            (
                winner.program.to_owned(),
                winner.binding.to_owned(),
                winner.audience.map(str::to_owned),
            )
        });
        let enrolment = decision.enrolment;
        let lines: Vec<_> = trace.steps().iter().map(ToString::to_string).collect();
        Self {
            reason: decision.reason,
            variant: decision.content.map(|content| content.variant.to_owned()),
            value: decision.content.map_or(Value::Null, |content| {
                serde_json::from_str(content.json.get()).unwrap()
            }),
            winner,
            holdout: decision.holdout.map(|test| (test.name.to_owned(), test.held)),
            passed_holdout: decision.passed_holdout.map(str::to_owned),
            enrolment: enrolment.map(|unit| (unit.experiment.to_owned(), unit.arm.to_owned(), unit.phase)),
            ofrep: serde_json::to_value(Success::new(decision, Metadata::Full, None)).expect("JSON"),
            trace: lines.join("\n"),
        }
    }

    pub fn variant(&self) -> &str {
        self.variant.as_deref().unwrap_or("code default")
    }

    pub fn binding(&self) -> &str {
        self.winner.as_ref().map_or("nobody", |(_, binding, _)| binding)
    }

    pub fn audience(&self) -> Option<&str> {
        self.winner
            .as_ref()
            .and_then(|(.., audience)| audience.as_deref())
    }

    pub fn arm(&self) -> Option<&str> {
        self.enrolment.as_ref().map(|(_, arm, _)| arm.as_str())
    }

    pub fn reason_and_variant(&self) -> (Reason, &str) {
        (self.reason, self.variant())
    }
}

/// What a unit has seen and done.
#[derive(Debug, Clone, Default)]
pub struct Past {
    shows: Vec<(String, Timestamp)>,
    outcomes: Vec<(String, Timestamp)>,
    is_unknown: bool,
}

impl Past {
    /// Shown `binding` of `retention` with `hero` on `web`.
    pub fn shown(self, binding: &str, at: &str) -> Self {
        self.shown_of(
            &[
                &format!("binding {binding}"),
                "module hero",
                "program retention",
                "channel web",
            ],
            at,
        )
    }

    /// Counted for these, such as `module hero`.
    pub fn shown_of(mut self, counters: &[&str], at: &str) -> Self {
        self.shows
            .extend(counters.iter().map(|counter| (counter.to_string(), instant(at))));
        self
    }

    /// Nobody can be asked about it.
    pub fn unknown() -> Self {
        Self {
            is_unknown: true,
            ..Self::default()
        }
    }

    pub fn did(mut self, event: &str, at: &str) -> Self {
        self.outcomes.push((event.into(), instant(at)));
        self
    }
}

impl History for Past {
    fn shown(&self, what: Shown<'_>, since: Timestamp) -> u32 {
        let wanted = counter(what);
        let counted = self
            .shows
            .iter()
            .filter(|(known, at)| *known == wanted && *at > since);
        u32::try_from(counted.count()).unwrap()
    }

    /// No more than is true, so that whoever goes by it counts where a cap can be reached.
    fn most_shown(&self) -> u32 {
        let times = |wanted: &String| self.shows.iter().filter(|(known, _)| known == wanted).count();
        let most = self.shows.iter().map(|(counter, _)| times(counter)).max();
        u32::try_from(most.unwrap_or(0)).unwrap()
    }

    fn last_shown(&self, what: Shown<'_>) -> Option<Timestamp> {
        let wanted = counter(what);
        self.shows
            .iter()
            .filter(|(known, _)| *known == wanted)
            .map(|(_, at)| *at)
            .max()
    }

    fn last_outcome(&self, event: &str) -> Option<Timestamp> {
        self.outcomes
            .iter()
            .filter(|(known, _)| known == event)
            .map(|(_, at)| *at)
            .max()
    }

    fn outcomes(&self, event: &str, since: Timestamp) -> u32 {
        let counted = self
            .outcomes
            .iter()
            .filter(|(known, at)| known == event && *at > since);
        u32::try_from(counted.count()).unwrap()
    }

    fn is_known(&self) -> bool {
        !self.is_unknown
    }
}

/// How [`Past`] names what is counted.
fn counter(what: Shown<'_>) -> String {
    match what {
        Shown::Binding(name) => format!("binding {name}"),
        Shown::Module(name) => format!("module {name}"),
        Shown::Program(name) => format!("program {name}"),
        Shown::Channel(name) => format!("channel {name}"),
    }
}
