//! One resource of ours, before it is stored.
//!
//! Only what is not CEL is refused: nothing that another object could make right, and nothing that a later release may
//! take. What else an object proves about itself is a warning, in the words of `attune lint`; conditions say the rest.

use attune_api::conditions::Reason;
use attune_api::{GROUP, GovernancePolicy, GovernancePolicySpec, Kind, Resource};
use attune_compile::finding::Finding;
use attune_compile::snapshot::Labels;
use attune_compile::{ObjectId, Previous, Snapshot, compile};
use attune_core::expr;
use jiff::Timestamp;
use kube::core::admission::{AdmissionResponse, Operation};
use serde_json::Value;

use crate::Review;
use crate::warning::fit;

mod field;
#[cfg(test)]
mod tests;

/// More than these are not told at once.
const MAX_WARNINGS: usize = 5;

/// What came of a request about a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// It is not about the specification of a resource of ours.
    Ignored,
    /// The specification is the one that is stored.
    Unchanged,
    /// Nothing is to be said.
    Allowed,
    /// It is stored, and somebody should look at it.
    Warned,
    /// It cannot be read; the definition's schema judges that.
    Undecodable,
    /// An expression of it is not CEL.
    Refused,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Ignored,
        Self::Unchanged,
        Self::Allowed,
        Self::Warned,
        Self::Undecodable,
        Self::Refused,
    ];

    /// As metrics label it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::Unchanged => "unchanged",
            Self::Allowed => "allowed",
            Self::Warned => "warned",
            Self::Undecodable => "undecodable",
            Self::Refused => "refused",
        }
    }
}

/// The answer to a request about a resource, and what came of it.
#[derive(Debug, Clone)]
pub struct Validation {
    /// The answer.
    pub response: AdmissionResponse,
    /// What came of it.
    pub verdict: Verdict,
}

/// What rules a namespace, where that is known: policies say the same here as in the cluster's conditions.
#[derive(Debug, Clone, Default)]
pub struct Ground {
    /// The cluster's policies.
    pub policies: Vec<GovernancePolicy>,
    /// The namespace's labels, which say what policies rule it.
    pub labels: Labels,
}

/// Judges a resource at an instant, where nothing is known about policies.
pub fn validate(review: &Review, at: Timestamp) -> Validation {
    validate_on(review, None, at)
}

/// Judges a resource at an instant, by the policies that rule its namespace too.
pub fn validate_under(review: &Review, ground: &Ground, at: Timestamp) -> Validation {
    validate_on(review, Some(ground), at)
}

fn validate_on(review: &Review, ground: Option<&Ground>, at: Timestamp) -> Validation {
    let allowed = |verdict| Validation {
        response: review.allow(),
        verdict,
    };
    if !is_about_specification(review) {
        return allowed(Verdict::Ignored);
    }
    // An object from before a rule was tightened takes labels, and lets its finalizers go.
    if review.object.get("spec") == review.old_object.get("spec") {
        return allowed(Verdict::Unchanged);
    }
    let resource = match Resource::decode(named(&review.object)) {
        Ok(resource) => resource,
        Err(error) => {
            let text = format!("the object cannot be read and will not be served: {error}");
            return warned(review, Verdict::Undecodable, vec![text]);
        }
    };
    let id = ObjectId::of(&resource);
    let snapshot = snapshot(resource, ground);
    let judged = judge(&snapshot, &id, (&review.object, &review.old_object), at);
    if !judged.refused.is_empty() {
        let texts: Vec<String> = judged.refused.iter().map(line).collect();
        return refused(review, &texts.join(" | "));
    }
    if judged.warnings.is_empty() {
        return allowed(Verdict::Allowed);
    }
    warned(
        review,
        Verdict::Warned,
        judged.warnings.iter().map(line).collect(),
    )
}

/// Whether somebody writes what a resource of ours says, and not its status, and not its end.
fn is_about_specification(review: &Review) -> bool {
    let (group, kind) = review.group_kind();
    let is_written = matches!(review.operation(), Operation::Create | Operation::Update);
    let is_ending = review
        .object
        .pointer("/metadata/deletionTimestamp")
        .is_some_and(Value::is_string);
    is_written
        && group == GROUP
        && kind.parse::<Kind>().is_ok()
        && review.subresource().is_none()
        && review.object.is_object()
        && !is_ending
}

/// The object under a name: the server gives it one only after this, where it is to be generated.
fn named(object: &Value) -> Value {
    let mut object = object.clone();
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    if let Some(metadata) = metadata.filter(|metadata| !metadata.contains_key("name")) {
        let name = metadata.get("generateName").cloned();
        metadata.insert("name".to_owned(), name.unwrap_or_else(|| "unnamed".into()));
    }
    object
}

/// Findings about one object, by what follows from them.
struct Judged {
    refused: Vec<Finding>,
    warnings: Vec<Finding>,
}

/// The object alone with what rules it. Where that is not known, no policy has anything to say.
fn snapshot(resource: Resource, ground: Option<&Ground>) -> Snapshot {
    let mut snapshot = Snapshot::new(resource.namespace().unwrap_or_default());
    match ground {
        Some(ground) => {
            let policies = ground.policies.iter().cloned();
            policies.for_each(|policy| snapshot.insert(policy.into()));
            let namespace = snapshot.namespace.clone();
            if !namespace.is_empty() {
                snapshot.namespaces.insert(namespace, ground.labels.clone());
            }
        }
        None => snapshot.insert(GovernancePolicy::new("", GovernancePolicySpec::default()).into()),
    }
    snapshot.insert(resource);
    snapshot
}

fn judge(snapshot: &Snapshot, id: &ObjectId, (object, old): (&Value, &Value), at: Timestamp) -> Judged {
    let findings = compile(snapshot, &Previous::new(), at).findings;
    let own = findings.into_iter().filter(|finding| finding.object == *id);
    let (syntax, others): (Vec<_>, Vec<_>) = own.partition(|finding| is_syntax(finding, object));
    // What is stored already was refused too late: it must not keep the rest of the object from being put right.
    let is_stored = |finding: &Finding| {
        let text = field::text(object, &finding.field);
        text.is_some_and(|text| field::contains(old.get("spec"), text))
    };
    let (stored, refused): (Vec<_>, Vec<_>) = syntax.into_iter().partition(is_stored);
    let others = others
        .into_iter()
        .filter(|finding| stands_alone(id.kind, finding.reason));
    Judged {
        refused,
        warnings: stored.into_iter().chain(others).collect(),
    }
}

/// Whether a finding is that its expression is not CEL at all.
fn is_syntax(finding: &Finding, object: &Value) -> bool {
    let expression = finding.offset.and_then(|_| field::text(object, &finding.field));
    expression.is_some_and(|expression| expr::parse(expression).is_err())
}

/// Whether one object proves it, whatever stands beside it.
fn stands_alone(kind: Kind, reason: Reason) -> bool {
    match reason {
        Reason::InvalidExpression
        | Reason::ExpressionTooCostly
        | Reason::TypeMismatch
        | Reason::BaselineInvalid
        | Reason::ContractConflict
        | Reason::Expired
        | Reason::Ended
        // What policies say about one object.
        | Reason::ExpiresSoon
        | Reason::ReviewOverdue
        | Reason::ReviewTooFar
        | Reason::ReviewMissing
        | Reason::Contradiction
        | Reason::ObjectiveIncomplete
        | Reason::UnknownGroup
        | Reason::InsightMissing
        | Reason::AuditMissing
        | Reason::AuditFailed
        | Reason::AuditAged
        | Reason::AuditInFuture
        | Reason::ProhibitedTactic
        | Reason::UrgencyUnbounded
        | Reason::Unapproved
        | Reason::ApprovalOutdated => true,
        // Its selector is the only field of a policy that only this can read.
        Reason::InvalidField => kind == Kind::GovernancePolicy,
        // What a Metric's `where` may read is the same everywhere; what others may is in contracts.
        Reason::UnknownAttribute => kind == Kind::Metric,
        _ => false,
    }
}

/// A finding as lint tells it, with the column where lint has the place in the file.
fn line(finding: &Finding) -> String {
    let column = finding
        .offset
        .map(|offset| format!(", column {}", offset + 1))
        .unwrap_or_default();
    let help = finding
        .suggestion
        .as_ref()
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default();
    format!("{}{column}: {}{help}", finding.field, finding.message)
}

fn warned(review: &Review, verdict: Verdict, mut texts: Vec<String>) -> Validation {
    let more = texts.len().saturating_sub(MAX_WARNINGS);
    texts.truncate(MAX_WARNINGS);
    let mut warnings: Vec<String> = texts.iter().map(|text| fit(text)).collect();
    if more > 0 {
        warnings.push(format!("and {more} more: run `attune lint`"));
    }
    let mut response = review.allow();
    response.warnings = Some(warnings);
    Validation { response, verdict }
}

fn refused(review: &Review, message: &str) -> Validation {
    let mut response = review.allow().deny(message);
    response.result.code = 422;
    "Invalid".clone_into(&mut response.result.reason);
    Validation {
        response,
        verdict: Verdict::Refused,
    }
}
