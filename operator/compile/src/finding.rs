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
    Reason::Unused,
    Reason::WaiverUnmatched,
    Reason::Ended,
    Reason::InternalError,
];

/// The condition that a finding with this reason turns.
pub const fn condition_of(reason: Reason) -> ConditionType {
    match reason {
        Reason::RefNotFound
        | Reason::RefInvalid
        | Reason::TouchpointNotFound
        | Reason::VariantNotFound
        | Reason::AudienceNotInProgram
        | Reason::ProgramMismatch
        | Reason::WaiverUnmatched => ConditionType::ResolvedRefs,
        Reason::SlotContract | Reason::Incomplete => ConditionType::Complete,
        Reason::ContractConflict => ConditionType::Consistent,
        Reason::Conflicted => ConditionType::Conflicted,
        Reason::Expired | Reason::ExpiresSoon | Reason::ReviewOverdue | Reason::Unused => {
            ConditionType::Fresh
        }
        _ => ConditionType::Accepted,
    }
}
