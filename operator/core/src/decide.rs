//! The decision: which content a unit gets at a touchpoint, and why.
//!
//! [`decide`] follows eleven steps in a fixed order, each of which writes one line of the trace. It is a pure function: the
//! clock, the unit's history and the decision's id are arguments.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::bundle::Exposure;
use crate::context::Context;
use crate::engine::{self, Candidate, Engine, Ix, Touchpoint};
use crate::history::History;
use crate::trace::{Step, Trace};

use content::Chosen;

mod candidates;
mod content;
mod experiment;
mod holdout;
mod membership;
mod outcome;
mod preview;
mod reason;
mod suppression;
mod taken;
#[cfg(test)]
mod tests;

pub use membership::{Membership, membership};
pub use outcome::Outcome;
pub use preview::{OpenRule, Place, Preview, Rule, Words, open_rules, preview};
pub use reason::Reason;
pub use taken::Taken;

/// What a decision is about.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    /// The touchpoint's name.
    pub touchpoint: &'r str,
    /// Who is asking, decoded for the same engine.
    pub context: &'r Context<'r>,
    /// The unit's past.
    pub history: &'r dyn History,
    /// The instant of the decision.
    pub now: Timestamp,
}

/// The answer for one touchpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision<'e> {
    /// The touchpoint's name.
    pub touchpoint: &'e str,
    /// The bundle's revision.
    pub revision: &'e str,
    /// Why it came out like this.
    pub reason: Reason,
    /// What to show; `None` leaves it to the client's code default.
    pub content: Option<Content<'e>>,
    /// The candidate that won, also when the unit was held out or not enrolled.
    pub winner: Option<Winner<'e>>,
    /// The holdout that was tested last, if any was.
    pub holdout: Option<HoldoutTest<'e>>,
    /// The holdout that was tested before that one and did not hold the unit. Both record an exposure: a unit counts for
    /// every holdout that could have held it.
    pub passed_holdout: Option<&'e str>,
    /// The experiment arm, if the unit is enrolled.
    pub enrolment: Option<Enrolment<'e>>,
    /// Whether JSON needs no escapes for any name in it, which is then written without a look.
    pub is_plain: bool,
}

/// A variant's content.
#[derive(Debug, Clone, Copy)]
pub struct Content<'e> {
    /// `<module>/<variant>`.
    pub variant: &'e str,
    /// The filled slots, as a JSON object that is serialized already.
    pub json: &'e RawValue,
}

impl PartialEq for Content<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.variant == other.variant && self.json.get() == other.json.get()
    }
}

/// The candidate that won a touchpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Winner<'e> {
    /// The program's name.
    pub program: &'e str,
    /// The binding's name.
    pub binding: &'e str,
    /// The candidate's place in [`Engine::rules`].
    pub rule: usize,
    /// When the binding records an exposure.
    pub exposure: Exposure,
    /// The module's name; caps are charged for it.
    pub module: &'e str,
    /// The module's value of each label in [`crate::bundle::ChannelSettings::diversity`].
    pub labels: &'e [Option<String>],
    /// The first of the candidate's audiences that matched; `None` where it names none.
    pub audience: Option<&'e str>,
}

/// One holdout's test of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldoutTest<'e> {
    /// The holdout's name.
    pub name: &'e str,
    /// Whether the unit is held.
    pub held: bool,
}

/// A unit's place in an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolment<'e> {
    /// The experiment's name.
    pub experiment: &'e str,
    /// The arm's name.
    pub arm: &'e str,
    /// The experiment's phase.
    pub phase: i32,
}

/// The touchpoint is not in the bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("touchpoint `{touchpoint}` is not declared by channel `{channel}`{}", listing(.known))]
pub struct UnknownTouchpoint {
    /// The name asked for.
    pub touchpoint: String,
    /// The Channel.
    pub channel: String,
    /// The names that the Channel declares.
    pub known: Vec<String>,
}

fn listing(names: &[String]) -> String {
    match names {
        [] => "; it declares none".to_owned(),
        names => format!("; it declares `{}`", names.join("`, `")),
    }
}

/// Decides what a unit gets at a touchpoint.
///
/// # Errors
/// When the bundle has no such touchpoint; everything else is an answer.
pub fn decide<'e>(
    engine: &'e Engine,
    request: Request<'_>,
    trace: &mut Trace,
) -> Result<Decision<'e>, UnknownTouchpoint> {
    decide_beside(engine, request, &Taken::default(), trace)
}

/// As [`decide`], on a page on which other touchpoints were decided before: candidates whose module is there already drop
/// out, and the next may win. Baselines may repeat, because no place stays empty.
///
/// # Errors
/// As [`decide`].
pub fn decide_beside<'e>(
    engine: &'e Engine,
    request: Request<'_>,
    taken: &Taken<'e>,
    trace: &mut Trace,
) -> Result<Decision<'e>, UnknownTouchpoint> {
    let Some(touchpoint) = engine.touchpoint(request.touchpoint) else {
        return Err(UnknownTouchpoint {
            touchpoint: request.touchpoint.to_owned(),
            channel: engine.bundle.channel.clone(),
            known: engine.touchpoints().map(str::to_owned).collect(),
        });
    };
    trace.write(|| Step::Touchpoint {
        touchpoint: touchpoint.name.clone(),
        candidates: touchpoint.candidates.len(),
    });
    let run = Run {
        engine,
        touchpoint,
        context: request.context,
        history: request.history,
        now: request.now,
        locale: engine.locale(request.context),
        taken,
        silence: &Silence::default(),
    };
    Ok(run.decide(trace).decision(engine))
}

/// Decides what a unit gets at every touchpoint, sorted by name: each as [`decide`] does.
pub fn decide_everywhere(
    engine: &Engine,
    context: &Context<'_>,
    history: &dyn History,
    now: Timestamp,
) -> impl Iterator<Item = Outcome> {
    context.rule_out(engine, now);
    let locale = engine.locale(context);
    let (taken, silence) = (Taken::default(), Silence::default());
    engine.touchpoints.iter().map(move |touchpoint| {
        let run = Run {
            engine,
            touchpoint,
            context,
            history,
            now,
            locale,
            taken: &taken,
            silence: &silence,
        };
        run.decide(&mut Trace::off())
    })
}

/// One decision under way.
struct Run<'e, 'r> {
    engine: &'e Engine,
    touchpoint: &'e Touchpoint,
    context: &'r Context<'r>,
    history: &'r dyn History,
    now: Timestamp,
    /// Index into the Channel's locales.
    locale: usize,
    taken: &'r Taken<'e>,
    silence: &'r Silence,
}

/// What is the same for every rule of the Channel, and may silence it; found out once a request.
#[derive(Debug, Default)]
struct Silence {
    /// Whether the Channel's gap or one of its caps for a unit is reached.
    is_reached: OnceCell<bool>,
    /// Whether it is quiet where the unit is.
    is_quiet: OnceCell<bool>,
    /// What the unit was shown most, at the most.
    most_shown: OnceCell<u32>,
}

/// The winning candidate with what was resolved about it.
#[derive(Clone, Copy)]
struct Won<'e> {
    candidate: &'e Candidate,
    binding: &'e engine::Binding,
    program: &'e engine::Program,
    module: &'e engine::Module,
    /// Place of the audience in the engine.
    audience: Option<usize>,
    /// Its module's most specific variant for that audience.
    variant: engine::VariantIx,
}

impl<'e> Run<'e, '_> {
    fn decide(&self, trace: &mut Trace) -> Outcome {
        let any_program = self.check_consent(trace);
        let unit = self.context.unit();
        trace.write(|| Step::Unit {
            unit: unit.map(|(unit, _)| unit.to_owned()),
            source: unit.map(|(_, from)| from),
        });
        let reason = match (any_program, unit) {
            (false, _) => Reason::NoConsent,
            (true, None) => Reason::NoUnit,
            (true, Some((unit, _))) => match self.find_winner(unit, trace) {
                Ok(won) => return self.serve(unit, &won, trace),
                Err(reason) => reason,
            },
        };
        self.answer(reason, self.baseline(trace))
    }

    /// Step 2: whether any program at this touchpoint survives the unit's consent. A touchpoint without candidates has
    /// no program to lose.
    fn check_consent(&self, trace: &mut Trace) -> bool {
        trace.write(|| self.consent_step());
        let mut purposes = self.touchpoint.purposes.iter();
        self.touchpoint.candidates.is_empty() || purposes.any(|purpose| self.consents(*purpose))
    }

    /// Steps 4 to 6.
    fn find_winner(&self, unit: &str, trace: &mut Trace) -> Result<Won<'e>, Reason> {
        if !trace.is_on() {
            return self.find_quickly(unit);
        }
        self.match_audiences(trace);
        let admitted = self.admit(unit, trace);
        self.first_unsuppressed(&admitted, trace)
    }

    /// Steps 7 to 10 for the winner.
    fn serve(&self, unit: &str, won: &Won<'e>, trace: &mut Trace) -> Outcome {
        let tested = self.test_holdouts(unit, won, trace);
        trace.write(|| Step::Audience {
            audience: self.audience_name(won.audience).map(str::to_owned),
        });
        let treated = if tested.held {
            self.answer(Reason::HeldOut, self.baseline(trace))
        } else {
            self.treat(unit, won, trace)
        };
        Outcome {
            candidate: won.candidate.place,
            audience: Ix::from(won.audience),
            passed_holdout: tested.passed,
            holdout: tested.last,
            held: tested.held,
            ..treated
        }
    }

    /// An outcome without a winner.
    fn answer(&self, reason: Reason, content: Option<Chosen<'e>>) -> Outcome {
        Outcome {
            touchpoint: self.touchpoint.place,
            reason,
            held: false,
            candidate: Ix::NONE,
            audience: Ix::NONE,
            passed_holdout: Ix::NONE,
            holdout: Ix::NONE,
            experiment: Ix::NONE,
            arm: Ix::NONE,
            module: content.map_or(Ix::NONE, |content| content.place),
            variant: content.map_or(Ix::NONE, |content| Ix::new(content.variant)),
            locale: Ix::new(self.locale),
        }
    }

    fn program(&self, candidate: &Candidate) -> Option<&'e engine::Program> {
        let binding = self.engine.bindings.get(candidate.binding)?;
        self.engine.programs.get(binding.program)
    }

    fn consents(&self, purpose: engine::PurposeIx) -> bool {
        self.context.grant(purpose).is_some()
    }

    /// The name of the audience at that place in the engine.
    fn audience_name(&self, audience: Option<usize>) -> Option<&'e str> {
        self.engine
            .audiences
            .get(audience?)
            .map(|audience| audience.name.as_str())
    }

    fn consent_step(&self) -> Step {
        let purposes = self.engine.purposes.iter().enumerate();
        let programs = self
            .touchpoint
            .candidates
            .iter()
            .filter_map(|candidate| self.program(candidate));
        let dropped: BTreeSet<_> = programs
            .filter(|program| !self.consents(program.purpose))
            .map(|program| program.name.clone())
            .collect();
        Step::Consent {
            granted: purposes
                .filter_map(|(index, purpose)| Some((purpose.clone(), self.context.grant(index)?)))
                .collect(),
            attributes: self
                .context
                .observed(self.engine)
                .map(|(name, state)| (name.to_owned(), state))
                .collect(),
            dropped: dropped.into_iter().collect(),
        }
    }
}
