//! What follows from the verdict of an Experiment, by the rule that was declared before.
//!
//! A decision is a value on the status, never an edit of the spec: deciders follow it through the compiled bundle. It is
//! taken from the same answer that people read, so that it can be taken again when the status is lost.

use attune_api::experiment::{
    Assignment, Decision, DecisionRule, ExperimentState, OnHarm, OnLift, OnNoWorthwhileLift, Outcome,
    Registration,
};
use attune_api::results::Verdict as Shown;
use attune_api::{ExperimentSpec, Instant, ItemName};
use attune_core::measure::answer::{Answer, MetricResult, Standing, ThresholdState, Verdict};
use attune_core::measure::{MetricRole, Question};
use jiff::Timestamp;

#[cfg(test)]
mod tests;

/// What should follow from an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Advice {
    /// This follows, and is acted on.
    Decide(Decision),
    /// A sentence for the owner; nothing is acted on.
    Say(String),
}

/// What an answer is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'r> {
    /// The experiment as written.
    pub spec: &'r ExperimentSpec,
    /// What it was registered with.
    pub registration: &'r Registration,
    /// What was asked.
    pub question: &'r Question,
}

/// What should follow from an answer; `None` while there is nothing to say.
///
/// Harm stops at once, and beyond an operational threshold whatever is true of the split. Everything else waits for `schedule.minimumRuntime`. A worthwhile lift is promoted as soon as it
/// is shown; a lift that may not be worthwhile is promoted where the planned size is reached or nothing better was
/// asked for. No arm is promoted while a guardrail is not shown to be safe, such as one whose source gives nothing.
pub fn advise(rules: &Rules<'_>, answer: &Answer) -> Option<Advice> {
    let primary: Vec<_> = answer
        .results
        .iter()
        .filter_map(|result| (result.role == MetricRole::Primary).then_some((result.verdict?, result)))
        .collect();
    let invalid = primary.iter().find(|(verdict, _)| *verdict == Verdict::Invalid);
    let invalid =
        invalid.map(|(_, result)| say(format!("do not act on this experiment: {}", result.message)));
    let judge = Judge {
        rules,
        rule: rules.spec.decision.clone().unwrap_or_default(),
        answer,
        primary,
    };
    // A threshold knows no arms. Of what is compared, nothing that may not be believed is acted on in any direction.
    judge
        .beyond()
        .or(invalid)
        .or_else(|| judge.harm())
        .or_else(|| judge.too_early())
        .or_else(|| judge.lift())
        .or_else(|| judge.nothing_to_gain())
        .or_else(|| judge.unproven())
}

/// What the owner should do about a decision that stands: it holds by itself, and a spec that says the same is what the
/// next reader looks for.
pub fn make_it_the_rule(decision: &Decision) -> String {
    let reason = &decision.reason;
    match (decision.outcome, &decision.arm) {
        (Outcome::Promoted, Some(arm)) => {
            format!("everybody gets arm `{arm}`: {reason}; make it the rule, then remove the experiment")
        }
        (Outcome::Promoted, None) | (Outcome::Retired, _) => {
            format!("everybody gets control: {reason}; remove the rule, then the experiment")
        }
        (Outcome::HarmStopped, _) => {
            format!("everybody gets control: {reason}; look into the harm, then remove the experiment")
        }
    }
}

struct Judge<'j> {
    rules: &'j Rules<'j>,
    rule: DecisionRule,
    answer: &'j Answer,
    primary: Vec<(Verdict, &'j MetricResult)>,
}

impl Judge<'_> {
    fn harm(&self) -> Option<Advice> {
        let breached = self
            .guardrails()
            .find(|result| result.standing == Some(Standing::Breached))
            .map(|result| format!("guardrail `{}` is broken in arm `{}`", result.metric, result.arm));
        let harmful = self.primary.iter().find(|(verdict, _)| *verdict == Verdict::Harm);
        let harmful = harmful.map(|(_, result)| {
            format!(
                "arm `{}` is worse than control on `{}`",
                result.arm, result.metric
            )
        });
        Some(self.stop(Shown::Harm, &harmful.or(breached)?))
    }

    /// A threshold has no units: it stops, and says nothing about an arm.
    fn beyond(&self) -> Option<Advice> {
        let mut thresholds = self.answer.thresholds.iter();
        let beyond = thresholds.find(|threshold| threshold.state == ThresholdState::Breached)?;
        let why = format!("operational: metric `{}` is beyond its threshold", beyond.metric);
        Some(self.stop(Shown::Collecting, &why))
    }

    fn stop(&self, verdict: Shown, why: &str) -> Advice {
        let acts = self.rule.on_harm == Some(OnHarm::Stop);
        self.follow(acts, Outcome::HarmStopped, None, verdict, why, "stop it")
    }

    fn too_early(&self) -> Option<Advice> {
        let schedule = self.rules.spec.schedule.as_ref()?;
        let runtime = schedule.minimum_runtime.as_ref()?;
        // A registration is dated anew when the status is lost; exposures are not.
        let registered = self.rules.registration.at.timestamp();
        let first = self
            .answer
            .began
            .map_or(registered, |began| began.min(registered));
        let start = schedule.start.as_ref().map_or(first, Instant::timestamp);
        let until = start
            .saturating_add(jiff::SignedDuration::from_secs(runtime.seconds()))
            .unwrap_or(Timestamp::MAX);
        let early = self.answer.as_of < until;
        early.then(|| {
            say(format!(
                "wait until {until}: `schedule.minimumRuntime` is not over"
            ))
        })
    }

    fn lift(&self) -> Option<Advice> {
        let best = self
            .primary
            .iter()
            .filter(|(verdict, _)| matches!(verdict, Verdict::Lift | Verdict::WorthwhileLift))
            .max_by(|(_, one), (_, other)| estimate(one).total_cmp(&estimate(other)));
        let (verdict, result) = *best?;
        if verdict == Verdict::Lift && self.rules.question.minimum_lift_bp.is_some() && !self.is_complete() {
            let message = "wait: it is better than control, and whether by the minimum worthwhile lift is not shown yet";
            return Some(say(message));
        }
        if let Some(metric) = self.open_guardrail(&result.arm) {
            let arm = &result.arm;
            return Some(say(format!(
                "arm `{arm}` is better than control, and guardrail `{metric}` is not shown to be safe yet: wait, or decide \
                 yourself"
            )));
        }
        let why = format!(
            "arm `{}` is better than control on `{}`",
            result.arm, result.metric
        );
        let acts = self.rule.on_lift == Some(OnLift::Promote);
        let arm: ItemName = result.arm.parse().ok()?;
        let shown = match verdict {
            Verdict::WorthwhileLift => Shown::WorthwhileLift,
            _ => Shown::Lift,
        };
        Some(self.follow(acts, Outcome::Promoted, Some(arm), shown, &why, "promote it"))
    }

    fn nothing_to_gain(&self) -> Option<Advice> {
        let all = self
            .primary
            .iter()
            .all(|(verdict, _)| *verdict == Verdict::NoWorthwhileLift);
        if !all || self.primary.is_empty() {
            return None;
        }
        let why = "the minimum worthwhile lift is out of reach";
        let acts = self.rule.on_no_worthwhile_lift == Some(OnNoWorthwhileLift::Retire);
        Some(self.follow(
            acts,
            Outcome::Retired,
            None,
            Shown::NoWorthwhileLift,
            why,
            "retire it",
        ))
    }

    fn unproven(&self) -> Option<Advice> {
        // Arms that are not worthwhile beside them change nothing.
        let all = self
            .primary
            .iter()
            .all(|(verdict, _)| matches!(verdict, Verdict::Unproven | Verdict::NoWorthwhileLift));
        (all && !self.primary.is_empty()).then(|| {
            say("the planned size showed neither lift nor harm: end it, or ask again with a larger one")
        })
    }

    /// Acts where the rule says so and the deciders follow; else says what the owner may do.
    fn follow(
        &self,
        acts: bool,
        outcome: Outcome,
        arm: Option<ItemName>,
        verdict: Shown,
        why: &str,
        what: &str,
    ) -> Advice {
        let spec = self.rules.spec;
        if !acts || spec.assignment() == Assignment::Imported || spec.state != ExperimentState::Running {
            return say(format!("{what}: {why}"));
        }
        Advice::Decide(Decision {
            outcome,
            arm,
            verdict,
            reason: why.chars().take(512).collect(),
            at: Instant::from(self.answer.as_of),
            units: i64::try_from(self.units()).unwrap_or(i64::MAX),
            registration: self.rules.registration.hash.clone(),
        })
    }

    /// A guardrail of the question that is not shown to be safe in an arm.
    fn open_guardrail(&self, arm: &str) -> Option<&str> {
        let question = self.rules.question;
        let is_safe = |name: &str| {
            self.guardrails()
                .any(|one| one.metric == name && one.arm == arm && one.standing == Some(Standing::Safe))
        };
        let is_within = |name: &str| {
            let mut thresholds = self.answer.thresholds.iter();
            thresholds.any(|one| one.metric == name && one.state == ThresholdState::Within)
        };
        let compared = question
            .metrics
            .iter()
            .filter(|metric| metric.role.is_guardrail());
        let mut compared = compared.map(|metric| metric.name.as_str());
        let mut watched = question.thresholds.iter().map(|one| one.metric.as_str());
        compared
            .find(|name| !is_safe(name))
            .or_else(|| watched.find(|name| !is_within(name)))
    }

    fn guardrails(&self) -> impl Iterator<Item = &MetricResult> {
        let results = self.answer.results.iter();
        results.filter(|result| result.role.is_guardrail())
    }

    fn units(&self) -> u64 {
        self.answer.arms.iter().map(|arm| arm.exposed).sum()
    }

    /// Whether the planned size is reached by units whose window is over.
    fn is_complete(&self) -> bool {
        let matured: u64 = self.answer.arms.iter().map(|arm| arm.matured).sum();
        let planned = self.rules.question.planned_units;
        planned.is_none_or(|planned| matured >= planned)
    }
}

fn estimate(result: &MetricResult) -> f64 {
    let relative = result.relative.map(|relative| relative.estimate);
    let absolute = result.absolute.map(|absolute| absolute.estimate);
    relative.or(absolute).unwrap_or(f64::NEG_INFINITY)
}

fn say(text: impl AsRef<str>) -> Advice {
    Advice::Say(text.as_ref().chars().take(512).collect())
}
