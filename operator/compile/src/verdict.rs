//! Findings and figures as a verdict per object: its conditions, before anything that only a cluster knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_api::Kind;
use attune_api::conditions::{ConditionType, Reason};
use attune_api::experiment::{ExperimentState, Outcome, Registration, Schedule};
use attune_api::{Experiment, Holdout, Instant};
use serde_json::{Map, Value};

use crate::figures::{self, Figures};
use crate::finding::{Finding, ObjectId, Severity, condition_of, condition_on, is_strategic};
use crate::kept::Verdicts;
use crate::observed::MIN_REQUESTS;
use crate::report::Report;
use crate::strategy::Strategy;
use crate::{Model, Previous, Publication, registration};

mod programmed;
mod strategic;

use strategic::Satisfied;

/// The most characters of a condition's message; the API server takes 32,768.
const MAX_MESSAGE: usize = 1024;

/// What is said about one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The generation that was judged, where a server gave one.
    pub generation: Option<i64>,
    /// Conditions that follow from the resources alone.
    pub conditions: Vec<Judged>,
    /// Whether it is published, for the kinds that are.
    pub programmed: Option<Programmed>,
    /// The kind's figures, as fields of its status.
    pub figures: Map<String, Value>,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Its type.
    pub type_: ConditionType,
    /// Its status.
    pub truth: Truth,
    /// Its reason.
    pub reason: Reason,
    /// Its message; empty where the reason says all.
    pub message: String,
}

/// Status of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// `True`.
    True,
    /// `False`.
    False,
    /// `Unknown`.
    Unknown,
}

impl Truth {
    /// As conditions spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// Whether a Channel or a binding is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Programmed {
    /// As written, in a revision of a Channel's bundle.
    Live {
        /// The Channel.
        channel: String,
        /// The revision.
        revision: String,
        /// What of it is not as written, and why: a share that is capped.
        note: Option<(Reason, String)>,
    },
    /// In its last published form.
    Previous {
        /// Why not as written.
        message: String,
    },
    /// Not at all.
    Not {
        /// Why.
        message: String,
    },
    /// Not before the last published form of the Channel can be read.
    Held {
        /// What to do.
        message: String,
    },
}

impl Judged {
    /// A condition.
    pub fn new(
        type_: ConditionType,
        truth: impl Into<Truth>,
        reason: Reason,
        message: impl Into<String>,
    ) -> Self {
        Self {
            type_,
            truth: truth.into(),
            reason,
            message: message.into(),
        }
    }
}

/// The verdicts of all objects of the snapshot.
pub(crate) fn all(
    model: &Model<'_>,
    channels: &BTreeMap<String, Publication>,
    previous: &Previous,
    registrations: &BTreeMap<String, Registration>,
    report: &Report,
    strategy: &Strategy<'_>,
    kept: &mut Verdicts,
) -> BTreeMap<ObjectId, Arc<Verdict>> {
    let judge = Judge {
        model,
        channels,
        previous,
        registrations,
        report,
        strategy,
        users: figures::Users::of(model.snapshot),
    };
    model
        .snapshot
        .ids()
        .into_iter()
        .map(|id| {
            let verdict = kept.verdict(&id, judge.verdict(&id));
            (id, verdict)
        })
        .collect()
}

struct Judge<'j> {
    model: &'j Model<'j>,
    channels: &'j BTreeMap<String, Publication>,
    previous: &'j Previous,
    registrations: &'j BTreeMap<String, Registration>,
    report: &'j Report,
    strategy: &'j Strategy<'j>,
    users: figures::Users<'j>,
}

/// A verdict whose figures are not written yet.
#[derive(Debug)]
pub(crate) struct Draft {
    generation: Option<i64>,
    conditions: Vec<Judged>,
    programmed: Option<Programmed>,
    pub(crate) figures: Figures,
}

impl Draft {
    /// Whether a verdict says the same, but for figures.
    pub(crate) fn is_of(&self, verdict: &Verdict) -> bool {
        self.generation == verdict.generation
            && self.conditions == verdict.conditions
            && self.programmed == verdict.programmed
    }

    /// The verdict with these fields.
    pub(crate) fn with(self, figures: Map<String, Value>) -> Verdict {
        Verdict {
            generation: self.generation,
            conditions: self.conditions,
            programmed: self.programmed,
            figures,
        }
    }
}

impl Judge<'_> {
    fn verdict(&self, id: &ObjectId) -> Draft {
        let about: Vec<_> = self.report.about(id).collect();
        let conditions = id
            .kind
            .conditions()
            .iter()
            .filter(|type_| !is_answered_elsewhere(id.kind, **type_));
        Draft {
            generation: self.model.snapshot.generation(id.kind, &id.name),
            conditions: conditions
                .map(|type_| self.condition(id, *type_, &about))
                .collect(),
            programmed: match id.kind {
                Kind::Channel => Some(self.channel_programmed(id)),
                Kind::ChannelBinding => Some(self.binding_programmed(id)),
                _ => None,
            },
            figures: self.figures(id),
        }
    }

    fn figures(&self, id: &ObjectId) -> Figures {
        let mut figures = figures::of(self.model, self.channels, self.strategy, &self.users, id);
        let registration = self.registrations.get(&id.name);
        if let (Some(registration), Figures::Experiment(status)) = (registration, &mut figures) {
            status.registration = Some(registration.clone());
        }
        figures
    }

    fn condition(&self, id: &ObjectId, type_: ConditionType, about: &[&Finding]) -> Judged {
        if let Some(judged) = condition_of_findings(id, type_, about) {
            return judged;
        }
        match (id.kind, type_) {
            (_, ConditionType::Accepted) => Judged::new(type_, true, Reason::Accepted, ""),
            (_, ConditionType::ResolvedRefs) => Judged::new(type_, true, Reason::ResolvedRefs, ""),
            (Kind::DataContract, ConditionType::Consistent) => {
                Judged::new(type_, true, Reason::Consistent, "")
            }
            (Kind::ChannelBinding, ConditionType::Conflicted) => {
                Judged::new(type_, false, Reason::NoConflict, "")
            }
            (Kind::Experiment, ConditionType::Running) => self.running(id),
            (Kind::Holdout, ConditionType::Enforced) => self.enforced(id),
            _ => self.strategic(id, type_),
        }
    }

    /// A condition about the strategy that nothing was found against.
    fn strategic(&self, id: &ObjectId, type_: ConditionType) -> Judged {
        if let Some(undecided) = self.report.why_undecided(id, type_) {
            return Judged::new(type_, Truth::Unknown, undecided.reason, undecided.message.clone());
        }
        if type_ == ConditionType::Actionable {
            return self.actionable(id);
        }
        match strategic::satisfied(self.model, id, type_) {
            Satisfied::Yes(reason) => Judged::new(type_, true, reason, ""),
            Satisfied::NotJudged(rule) => Judged::new(
                type_,
                Truth::Unknown,
                Reason::NotJudged,
                format!("no policy of this namespace judges `rules.{rule}`"),
            ),
            Satisfied::Unseen => Judged::new(
                type_,
                Truth::Unknown,
                Reason::Pending,
                format!(
                    "deciders looked at fewer than {MIN_REQUESTS} requests for its attributes, yesterday and today"
                ),
            ),
            Satisfied::Pending => Judged::new(type_, Truth::Unknown, Reason::Pending, "not evaluated yet"),
        }
    }

    /// Whether an audience is more than a label, also where no policy asks for it.
    fn actionable(&self, id: &ObjectId) -> Judged {
        let type_ = ConditionType::Actionable;
        let Some(actionable) = self.strategy.actionable.get(&id.name) else {
            return Judged::new(type_, Truth::Unknown, Reason::Pending, "");
        };
        let Some(first) = actionable.failing.first() else {
            return Judged::new(type_, true, Reason::Actionable, actionable.because.clone());
        };
        let legs: Vec<_> = actionable.failing.iter().map(|one| one.why.as_str()).collect();
        let message: String = legs.join("; ").chars().take(MAX_MESSAGE).collect();
        Judged::new(type_, false, first.reason, message)
    }

    fn running(&self, id: &ObjectId) -> Judged {
        let Some(experiment) = self.model.snapshot.experiments.get(&id.name) else {
            return Judged::new(ConditionType::Running, Truth::Unknown, Reason::Pending, "");
        };
        let reason = run_state(experiment, self.model, &id.name);
        let sound = self.report.is_sound(id);
        let message = match (reason, sound) {
            (Reason::Running, false) => "it does not run as written: see `Accepted` and `ResolvedRefs`",
            _ => "",
        };
        Judged::new(
            ConditionType::Running,
            reason == Reason::Running && sound,
            reason,
            message,
        )
    }

    fn enforced(&self, id: &ObjectId) -> Judged {
        let held = |publication: &Publication| publication.bundle.holdouts.contains_key(&id.name);
        let holdout = self.model.snapshot.holdouts.get(&id.name);
        let state = holdout.map_or(Reason::Pending, |holdout| period_state(holdout, self.model));
        let reason = match state {
            Reason::Enforced if !self.channels.values().any(held) => Reason::NoPrograms,
            state => state,
        };
        Judged::new(ConditionType::Enforced, reason == Reason::Enforced, reason, "")
    }
}

/// The condition that findings of its class turn: errors any, warnings those that are a condition of their own.
fn condition_of_findings(id: &ObjectId, type_: ConditionType, about: &[&Finding]) -> Option<Judged> {
    let own = type_ == ConditionType::Conflicted || is_strategic(type_);
    let counts = |finding: &&Finding| match finding.severity {
        Severity::Error => condition_on(id.kind, finding.reason) == type_,
        Severity::Warning => own && condition_of(finding.reason) == type_,
    };
    let mut findings: Vec<_> = about.iter().copied().filter(counts).collect();
    findings.sort_by_key(|finding| finding.severity);
    let first = findings.first()?;
    let truth = match first.reason {
        Reason::AccessUnknown => Truth::Unknown,
        _ => Truth::from(type_ == ConditionType::Conflicted),
    };
    Some(Judged::new(type_, truth, first.reason, message(&findings)))
}

/// Conditions that another step answers: results by the collector's figures, delivery by the cluster's.
fn is_answered_elsewhere(kind: Kind, type_: ConditionType) -> bool {
    let delivery = [
        ConditionType::Programmed,
        ConditionType::Converged,
        ConditionType::Synced,
    ];
    is_result(kind, type_) || delivery.contains(&type_)
}

/// Conditions that follow from measurement; results have a writer of their own.
pub const fn is_result(kind: Kind, type_: ConditionType) -> bool {
    match kind {
        Kind::Experiment => matches!(
            type_,
            ConditionType::SampleRatioHealthy
                | ConditionType::GuardrailsHealthy
                | ConditionType::Powered
                | ConditionType::Conclusive
        ),
        Kind::Metric => matches!(type_, ConditionType::Receiving),
        Kind::Holdout => matches!(type_, ConditionType::Intact),
        _ => false,
    }
}

/// Whether an experiment's units are put into arms at the model's instant, or why not.
pub(crate) fn run_state(experiment: &Experiment, model: &Model<'_>, name: &str) -> Reason {
    let is_over = |schedule: &Schedule| {
        schedule
            .end
            .as_ref()
            .map(Instant::timestamp)
            .is_some_and(|end| end <= model.at)
    };
    let is_ahead = |schedule: &Schedule| {
        schedule
            .start
            .as_ref()
            .map(Instant::timestamp)
            .is_some_and(|start| start > model.at)
    };
    let schedule = experiment.spec.schedule.as_ref();
    let decided = registration::decision(model, name).map(|decision| match decision.outcome {
        Outcome::Promoted => Reason::Promoted,
        Outcome::Retired => Reason::Retired,
        Outcome::HarmStopped => Reason::HarmStopped,
    });
    match experiment.spec.state {
        ExperimentState::Draft => Reason::Draft,
        ExperimentState::Paused => Reason::Paused,
        ExperimentState::Stopped => Reason::Stopped,
        ExperimentState::Running if let Some(decided) = decided => decided,
        ExperimentState::Running if schedule.is_some_and(is_ahead) => Reason::Scheduled,
        ExperimentState::Running if schedule.is_some_and(is_over) => Reason::Ended,
        ExperimentState::Running => Reason::Running,
    }
}

fn period_state(holdout: &Holdout, model: &Model<'_>) -> Reason {
    let period = &holdout.spec.period;
    if period.from.timestamp() > model.at {
        Reason::NotYetValid
    } else if period.until.timestamp() <= model.at {
        Reason::Expired
    } else {
        Reason::Enforced
    }
}

/// Findings as one bounded message: field and text of each, in their order.
fn message(findings: &[&Finding]) -> String {
    let mut text = String::new();
    for (index, finding) in findings.iter().enumerate() {
        let mut part = format!("{}: {}", finding.field, finding.message);
        if let Some(suggestion) = &finding.suggestion {
            part = format!("{part} (did you mean `{suggestion}`?)");
        }
        // The first is told in any case, as far as there is room.
        if index > 0 && text.chars().count() + part.chars().count() > MAX_MESSAGE {
            text = format!("{text}; and {} more", findings.len() - index);
            break;
        }
        if index > 0 {
            text.push_str("; ");
        }
        text.push_str(&part);
    }
    text.chars().take(MAX_MESSAGE + 64).collect()
}
