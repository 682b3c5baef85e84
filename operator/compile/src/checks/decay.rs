//! What nobody has looked at for too long, and what is about to end.

use attune_api::conditions::Reason;
use attune_api::governance_policy::ReviewRule;
use attune_api::{Day, Kind};
use jiff::{SignedDuration, Timestamp};

use crate::Model;
use crate::facts::{Fact, Facts};
use crate::finding::ObjectId;
use crate::policy::{Policies, Ruling};
use crate::report::Report;

#[cfg(test)]
mod tests;

/// How long before its end something is told about, where a policy says nothing.
const DEFAULT_NOTICE: SignedDuration = SignedDuration::from_hours(336);

/// Compares review dates and ends with the model's instant.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let mut facts = Facts::default();
    for ruling in model.policies.judging(|rules| rules.review.as_ref()) {
        for (kind, name, day) in reviews(model) {
            review(model, (kind, name, day), &ruling, &mut facts);
        }
    }
    facts.report(report);
    if let Some(notice) = notice(&model.policies) {
        endings(model, notice, report);
    }
}

/// Every object that somebody should look at again, with the day by which.
pub(super) fn reviews<'m>(model: &'m Model<'_>) -> impl Iterator<Item = (Kind, &'m str, Option<Day>)> {
    let snapshot = model.snapshot;
    macro_rules! of {
        ($objects:ident, $kind:ident) => {
            snapshot
                .$objects
                .iter()
                .map(|(name, object)| (Kind::$kind, name.as_str(), object.spec.review_by))
        };
    }
    of!(programs, Program)
        .chain(of!(contracts, DataContract))
        .chain(of!(audiences, Audience))
}

fn review(
    model: &Model<'_>,
    (kind, name, day): (Kind, &str, Option<Day>),
    ruling: &Ruling<'_, ReviewRule>,
    facts: &mut Facts,
) {
    let furthest = ruling.rule.max_ahead.as_ref();
    let told = match (day, furthest) {
        (None, None) => return,
        // Without a date the next review is further away than any bound.
        (None, Some(most)) => Some((
            Reason::ReviewMissing,
            format!("nobody has said when to look at it again: set a day within {most}"),
        )),
        (Some(day), _) if day.end() <= model.at => Some((
            Reason::ReviewOverdue,
            format!(
                "the review was due by {day}, {} ago: look at it and set another day",
                days(model.at.duration_since(day.end()))
            ),
        )),
        (Some(day), Some(most)) => {
            let limit = model.at.checked_add(most.duration());
            limit.is_ok_and(|limit| day.start() > limit).then(|| {
                let message = format!("{day} is more than {most} away: set an earlier day");
                (Reason::ReviewTooFar, message)
            })
        }
        (Some(_), None) => None,
    };
    if let Some((reason, message)) = told {
        let object = model.snapshot.id(kind, name);
        facts.note(ruling, Fact::new(object, reason, "spec.reviewBy", message));
    }
}

/// A length of time in whole days, begun ones counted.
fn days(duration: SignedDuration) -> String {
    match duration.as_hours() / 24 + 1 {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// How long before its end something is told about: the longest of what policies ask for; `None` where none does.
pub(super) fn notice(policies: &Policies<'_>) -> Option<SignedDuration> {
    policies
        .judging(|rules| rules.review.as_ref())
        .map(|ruling| {
            let own = ruling.rule.notice.as_ref();
            own.map_or(DEFAULT_NOTICE, attune_api::Span::duration)
        })
        .max()
}

/// What ends by itself: the object, the field, what a message calls it, and the instant.
pub(super) struct Ending {
    object: ObjectId,
    field: String,
    what: String,
    /// First instant at which it is over.
    pub(super) at: Timestamp,
}

/// Everything with an end of its own, whether it is over or not. Nothing about a policy keeps an end from coming, so
/// that it is a warning whatever they say.
pub(super) fn all_endings(model: &Model<'_>) -> Vec<Ending> {
    let snapshot = model.snapshot;
    let mut endings = Vec::new();
    for (name, module) in &snapshot.modules {
        for (index, variant) in module.spec.variants.iter().enumerate() {
            let until = variant.validity.as_ref().and_then(|one| one.until.as_ref());
            endings.extend(until.map(|until| Ending {
                object: snapshot.id(Kind::ContentModule, name),
                field: format!("spec.variants[{index}].validity.until"),
                what: format!("variant `{}` expires at {until}", variant.name),
                at: until.timestamp(),
            }));
        }
    }
    for (name, program) in &snapshot.programs {
        let waivers = program.spec.coverage.iter().flat_map(|one| &one.waivers);
        endings.extend(waivers.enumerate().map(|(index, waiver)| Ending {
            object: snapshot.id(Kind::Program, name),
            field: format!("spec.coverage.waivers[{index}].until"),
            what: format!("the waiver ends with {}", waiver.until),
            at: waiver.until.end(),
        }));
    }
    for (name, holdout) in &snapshot.holdouts {
        let until = &holdout.spec.period.until;
        endings.push(Ending {
            object: snapshot.id(Kind::Holdout, name),
            field: "spec.period.until".to_owned(),
            what: format!("the period ends at {until}"),
            at: until.timestamp(),
        });
    }
    endings
}

fn endings(model: &Model<'_>, notice: SignedDuration, report: &mut Report) {
    for ending in all_endings(model) {
        let is_near = |at: Timestamp| at.checked_sub(notice).is_ok_and(|from| from <= model.at);
        if ending.at > model.at && is_near(ending.at) {
            let message = format!("{}: renew it, or see to what takes its place", ending.what);
            report.warning(&ending.object, Reason::ExpiresSoon, ending.field, message);
        }
    }
}
