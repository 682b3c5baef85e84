//! Every expression of a namespace, parsed, checked and lowered.

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_api::Kind;
use attune_api::common::EventSelector;
use attune_api::conditions::Reason;
use attune_core::bundle::Rule;
use attune_core::expr::{self, Attribute, Expect, ExprError, ExprErrorKind, Expression, Schema};
use attune_core::value::AttributeType;

use crate::attributes::Attributes;
use crate::finding::{Finding, ObjectId, Severity};
use crate::kept::Expressions;
use crate::report::Report;
use crate::snapshot::Snapshot;

#[cfg(test)]
mod tests;

/// The expressions that are sound, by where they stand.
#[derive(Debug, Default)]
pub struct Rules {
    /// `match` by Audience.
    pub audiences: BTreeMap<String, Rule>,
    /// The hash of the same in its lowered form.
    pub hashes: BTreeMap<String, Arc<str>>,
    /// `when` and `score` by ChannelBinding and position of the candidate.
    pub candidates: BTreeMap<(String, usize), CandidateRules>,
    /// `where` by Metric and part.
    pub filters: BTreeMap<(String, Part), Expression>,
}

/// The expressions of one candidate.
#[derive(Debug, Default)]
pub struct CandidateRules {
    /// A further condition.
    pub when: Option<Rule>,
    /// The rank.
    pub score: Option<Rule>,
}

impl CandidateRules {
    /// Those that there are, each under the field's name.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, &Rule)> {
        let fields = [("when", &self.when), ("score", &self.score)];
        let fields = fields.into_iter();
        fields.filter_map(|(field, rule)| Some((field, rule.as_ref()?)))
    }
}

/// Which events of a Metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Those above the line.
    Event,
    /// Those below it.
    Denominator,
}

/// Checks every expression of the snapshot.
pub fn check(snapshot: &Snapshot, attributes: &Attributes, report: &mut Report) -> Rules {
    check_again(snapshot, attributes, &mut Expressions::default(), report)
}

/// The same, with what is known of sources.
pub(crate) fn check_again(
    snapshot: &Snapshot,
    attributes: &Attributes,
    known: &mut Expressions,
    report: &mut Report,
) -> Rules {
    let mut rules = Rules::default();
    let mut check = |source: &str, expect, place: &Place, report: &mut Report| {
        let checked = known.check(source, &attributes.schema, expect);
        rule(source, checked, place, report)
    };
    for (name, audience) in &snapshot.audiences {
        let place = Place {
            object: snapshot.id(Kind::Audience, name),
            field: "spec.match".to_owned(),
        };
        if let Some(rule) = check(audience.spec.matches.as_str(), Expect::Bool, &place, report) {
            rules.audiences.insert(name.clone(), rule);
        }
    }
    for (name, binding) in &snapshot.bindings {
        for (index, candidate) in binding.spec.candidates.iter().enumerate() {
            let place = |field: &str| Place {
                object: snapshot.id(Kind::ChannelBinding, name),
                field: format!("spec.candidates[{index}].{field}"),
            };
            let when = candidate.when.as_ref();
            let score = candidate.score.as_ref();
            let checked = CandidateRules {
                when: when.and_then(|when| check(when.as_str(), Expect::Bool, &place("when"), report)),
                score: score.and_then(|score| check(score.as_str(), Expect::Number, &place("score"), report)),
            };
            rules.candidates.insert((name.clone(), index), checked);
        }
    }
    let hashes = rules.audiences.iter();
    let hashes = hashes.filter_map(|(name, rule)| Some((name.clone(), known.hash(rule)?)));
    rules.hashes = hashes.collect();
    filters(snapshot, &mut rules, report);
    rules
}

/// Checks what Metrics ask of events.
fn filters(snapshot: &Snapshot, rules: &mut Rules, report: &mut Report) {
    let outcomes = outcome_schema();
    for (name, metric) in &snapshot.metrics {
        let parts = [
            (Part::Event, "spec.event.where", Some(&metric.spec.event)),
            (
                Part::Denominator,
                "spec.denominator.where",
                metric.spec.denominator.as_ref(),
            ),
        ];
        for (part, field, selector) in parts {
            let Some(filter) = selector.and_then(|selector: &EventSelector| selector.filter.as_ref()) else {
                continue;
            };
            let place = Place {
                object: snapshot.id(Kind::Metric, name),
                field: field.to_owned(),
            };
            let checked = expr::compile(filter.as_str(), &outcomes, Expect::Bool);
            if let Some(rule) = rule(filter.as_str(), checked, &place, report) {
                rules.filters.insert((name.clone(), part), rule.expression);
            }
        }
    }
}

/// What a Metric's `where` may read: the outcome's value and its properties.
fn outcome_schema() -> Schema {
    let mut schema = Schema::new();
    schema.declare(Attribute {
        name: "value".to_owned(),
        ty: AttributeType::Double,
        values: Vec::new(),
    });
    schema.declare_dynamic("properties");
    schema
}

struct Place {
    object: ObjectId,
    field: String,
}

fn rule(
    source: &str,
    checked: Result<Expression, Vec<ExprError>>,
    place: &Place,
    report: &mut Report,
) -> Option<Rule> {
    match checked {
        Ok(expression) => Some(Rule {
            source: source.to_owned(),
            expression,
        }),
        Err(errors) => {
            for error in errors {
                report.add(finding(place, error));
            }
            None
        }
    }
}

fn finding(place: &Place, error: ExprError) -> Finding {
    Finding {
        object: place.object.clone(),
        severity: Severity::Error,
        reason: reason(error.kind),
        field: place.field.clone(),
        message: error.message,
        offset: Some(error.offset),
        suggestion: error.suggestion,
    }
}

/// The reason for a kind of mistake.
pub const fn reason(kind: ExprErrorKind) -> Reason {
    match kind {
        ExprErrorKind::Syntax
        | ExprErrorKind::UnknownFunction
        | ExprErrorKind::InvalidLiteral
        | ExprErrorKind::InvalidRegex
        | ExprErrorKind::Unsupported => Reason::InvalidExpression,
        ExprErrorKind::UnknownAttribute => Reason::UnknownAttribute,
        ExprErrorKind::TypeMismatch | ExprErrorKind::WrongResult => Reason::TypeMismatch,
        ExprErrorKind::ValueNotInContract => Reason::UnknownValue,
        ExprErrorKind::TooLarge | ExprErrorKind::TooCostly => Reason::ExpressionTooCostly,
    }
}
