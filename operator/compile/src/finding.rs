//! What a check found: where, how bad, why, and what to do.

use std::fmt;

use attune_api::conditions::{ConditionType, Reason};
use attune_api::{Kind, Resource};
use serde::Serialize;

/// Names one object of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ObjectId {
    /// The object's kind.
    pub kind: Kind,
    /// Its namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectId {
    /// Names a resource.
    pub fn of(resource: &Resource) -> Self {
        Self {
            kind: resource.kind(),
            namespace: resource.namespace().unwrap_or_default().to_owned(),
            name: resource.name().to_owned(),
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}/{}", self.kind, self.name)
        } else {
            write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The object or a part of it is not served as written.
    Error,
    /// It is served, and somebody should look at it.
    Warning,
}

/// One fact about one field of one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The object.
    pub object: ObjectId,
    /// How bad it is.
    pub severity: Severity,
    /// Why, from the closed enumeration.
    pub reason: Reason,
    /// The field's path, as kubectl spells it: `spec.candidates[0].when`.
    pub field: String,
    /// What is wrong with which value and what to do; no line breaks.
    pub message: String,
    /// 0-based character offset inside the field's text, for expressions.
    pub offset: Option<usize>,
    /// The nearest valid value, where one is near: shown as "did you mean `...`?".
    pub suggestion: Option<String>,
}

/// Reasons that findings have; the others are reasons of conditions alone.
pub const FINDING_REASONS: &[Reason] = &[
    Reason::Undecodable,
    Reason::InvalidSyntax,
    Reason::DuplicateKey,
    Reason::UnknownKind,
    Reason::UnknownField,
    Reason::MissingField,
    Reason::InvalidField,
    Reason::AmbiguousScalar,
    Reason::Duplicate,
    Reason::Frozen,
    Reason::RefNotFound,
    Reason::RefInvalid,
    Reason::TouchpointNotFound,
    Reason::VariantNotFound,
    Reason::AudienceNotInProgram,
    Reason::ProgramMismatch,
    Reason::InvalidExpression,
    Reason::TypeMismatch,
    Reason::UnknownAttribute,
    Reason::UnknownValue,
    Reason::ExpressionTooCostly,
    Reason::ConstantExpression,
    Reason::AttributeNotSupplied,
    Reason::SlotContract,
    Reason::UnsafeContent,
    Reason::BaselineInvalid,
    Reason::Unreachable,
    Reason::Conflicted,
    Reason::Overlaps,
    Reason::SharedSalt,
    Reason::HoldoutNotUnique,
    Reason::ContractConflict,
    Reason::Incomplete,
    Reason::Expired,
    Reason::ExpiresSoon,
    Reason::ReviewOverdue,
    Reason::ReviewTooFar,
    Reason::ReviewMissing,
    Reason::Unused,
    Reason::Contradiction,
    Reason::SelectsNothing,
    Reason::ObjectiveIncomplete,
    Reason::UnknownGroup,
    Reason::AccessMissing,
    Reason::CoverageTooLow,
    Reason::WaiverUnmatched,
    Reason::CapacityExceeded,
    Reason::FunnelUnbalanced,
    Reason::AudienceBudget,
    Reason::InsightMissing,
    Reason::NotReachable,
    Reason::NotDifferentiated,
    Reason::NotMeasurable,
    Reason::SingleChannel,
    Reason::DuplicateAudience,
    Reason::AuditMissing,
    Reason::AuditFailed,
    Reason::AuditAged,
    Reason::AuditInFuture,
    Reason::AttributeGaps,
    Reason::UnusedAttribute,
    Reason::ForbiddenValue,
    Reason::SensitiveAttribute,
    Reason::PurposeMismatch,
    Reason::ConsentMissing,
    Reason::ProhibitedTactic,
    Reason::UrgencyUnbounded,
    Reason::LocaleForbidden,
    Reason::LocaleUnserved,
    Reason::Unapproved,
    Reason::ApprovalOutdated,
    Reason::EvidenceMissing,
    Reason::EvidenceMismatch,
    Reason::EvidenceAged,
    Reason::EvidenceCyclic,
    Reason::HoldoutMissing,
    Reason::VanityMetric,
    Reason::Ended,
    Reason::FormatUnsupported,
    Reason::PastUnknown,
    Reason::InternalError,
];

/// The condition that a finding with this reason turns.
pub const fn condition_of(reason: Reason) -> ConditionType {
    use ConditionType as C;
    use Reason as R;
    match reason {
        R::RefNotFound
        | R::RefInvalid
        | R::TouchpointNotFound
        | R::VariantNotFound
        | R::AudienceNotInProgram
        | R::ProgramMismatch
        | R::WaiverUnmatched => C::ResolvedRefs,
        R::SlotContract
        | R::UnsafeContent
        | R::Incomplete
        | R::ProhibitedTactic
        | R::UrgencyUnbounded
        | R::LocaleForbidden
        | R::LocaleUnserved
        | R::Unapproved
        | R::ApprovalOutdated => C::Complete,
        R::ContractConflict => C::Consistent,
        R::Conflicted => C::Conflicted,
        R::Expired | R::ExpiresSoon | R::ReviewOverdue | R::ReviewTooFar | R::ReviewMissing | R::Unused => {
            C::Fresh
        }
        R::UnknownGroup | R::AccessMissing | R::AccessUnknown => C::OwnersResolved,
        R::CoverageTooLow | R::CapacityExceeded => C::Covered,
        R::FunnelUnbalanced | R::AudienceBudget => C::Balanced,
        R::InsightMissing
        | R::NotReachable
        | R::NotDifferentiated
        | R::NotMeasurable
        | R::SensitiveAttribute
        | R::ForbiddenValue => C::Actionable,
        R::AuditMissing | R::AuditFailed | R::AuditAged | R::AuditInFuture => C::Audited,
        R::AttributeGaps => C::Observed,
        R::ObjectiveIncomplete | R::HoldoutMissing | R::VanityMetric => C::Measured,
        // The share is capped and the rest is served, which a binding says beside what it serves.
        R::EvidenceMissing | R::EvidenceMismatch | R::EvidenceAged | R::EvidenceCyclic | R::Gated => {
            C::Programmed
        }
        // What a format cannot carry is left out of what is sent, and the rest is sent.
        R::FormatUnsupported => C::Programmed,
        _ => C::Accepted,
    }
}

/// The condition that an error with this reason turns on a kind: one that the kind does not have makes the object
/// unacceptable.
pub fn condition_on(kind: Kind, reason: Reason) -> ConditionType {
    let type_ = condition_of(reason);
    if kind.conditions().contains(&type_) {
        type_
    } else {
        ConditionType::Accepted
    }
}

/// Conditions about the strategy: findings turn them whatever their severity, and they never change `Ready`.
pub const fn is_strategic(type_: ConditionType) -> bool {
    use ConditionType as C;
    matches!(
        type_,
        C::OwnersResolved
            | C::Covered
            | C::Balanced
            | C::Measured
            | C::Audited
            | C::Observed
            | C::Actionable
            | C::Fresh
            | C::Complete
    )
}

/// Reasons of what is live and not as written: the share of a binding is capped.
pub const fn is_capped(reason: Reason) -> bool {
    use Reason as R;
    matches!(
        reason,
        R::EvidenceMissing | R::EvidenceMismatch | R::EvidenceAged | R::EvidenceCyclic
    )
}

/// What an error does to bundles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The object is not sound: it, and what needs it, keeps its last published form.
    Unsound,
    /// A policy keeps new forms of the object, and of what needs it, from being programmed.
    Gate,
    /// What offends leaves bundles at once, also in carried forms; the rest of the object is served.
    Stop,
}

/// What an error with this reason does to bundles.
pub const fn effect_of(reason: Reason) -> Effect {
    use Reason as R;
    match reason {
        R::SensitiveAttribute
        | R::PurposeMismatch
        | R::ProhibitedTactic
        | R::UrgencyUnbounded
        | R::Unapproved
        | R::ApprovalOutdated
        // The share above the test share is what offends.
        | R::EvidenceMissing
        | R::EvidenceMismatch
        | R::EvidenceAged
        | R::EvidenceCyclic
        // The bundle has it; what is written of the bundle does not.
        | R::FormatUnsupported => Effect::Stop,
        R::ReviewOverdue
        | R::ReviewTooFar
        | R::ReviewMissing
        | R::ExpiresSoon
        | R::Unused
        | R::ObjectiveIncomplete
        | R::UnknownGroup
        | R::AccessMissing
        | R::AccessUnknown
        | R::CoverageTooLow
        | R::CapacityExceeded
        | R::FunnelUnbalanced
        | R::AudienceBudget
        | R::InsightMissing
        | R::NotReachable
        | R::NotDifferentiated
        | R::NotMeasurable
        | R::SingleChannel
        | R::AuditMissing
        | R::AuditFailed
        | R::AuditAged
        | R::AuditInFuture
        | R::AttributeGaps
        | R::UnusedAttribute
        | R::ForbiddenValue
        | R::ConsentMissing
        | R::LocaleForbidden
        | R::LocaleUnserved
        | R::HoldoutMissing
        | R::VanityMetric
        | R::Gated => Effect::Gate,
        _ => Effect::Unsound,
    }
}
