//! Where checks write what they find.

use std::collections::BTreeMap;

use attune_api::conditions::{ConditionType, Reason};

use crate::finding::{
    Effect, FINDING_REASONS, Finding, ObjectId, Severity, condition_of, condition_on, effect_of,
};
use crate::stops::Stops;

/// Findings so far, and what follows from them for other objects.
#[derive(Debug, Default)]
pub struct Report {
    findings: BTreeMap<ObjectId, Vec<Finding>>,
    consequences: BTreeMap<ObjectId, Vec<Finding>>,
    undecided: BTreeMap<(ObjectId, ConditionType), Undecided>,
    /// What rules that stop take out of bundles.
    pub stops: Stops,
}

/// Why a condition cannot be told to be true or false.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecided {
    /// Its reason.
    pub reason: Reason,
    /// Its message.
    pub message: String,
}

impl Report {
    /// Adds a finding that keeps the object, or what needs it, from being served as written.
    pub fn error(
        &mut self,
        object: &ObjectId,
        reason: Reason,
        field: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.add(finding(
            object,
            Severity::Error,
            reason,
            field.into(),
            message.into(),
        ));
    }

    /// Adds a finding that somebody should look at.
    pub fn warning(
        &mut self,
        object: &ObjectId,
        reason: Reason,
        field: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.add(finding(
            object,
            Severity::Warning,
            reason,
            field.into(),
            message.into(),
        ));
    }

    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        // INVARIANT: the list is what the documentation of findings is made of.
        debug_assert!(
            FINDING_REASONS.contains(&finding.reason),
            "{} is missing in `FINDING_REASONS`",
            finding.reason
        );
        self.findings
            .entry(finding.object.clone())
            .or_default()
            .push(finding);
    }

    /// Notes what another object's finding means for this one: conditions show it, a list of findings does not, so that
    /// one mistake is reported once.
    pub fn consequence(
        &mut self,
        object: &ObjectId,
        reason: Reason,
        field: impl Into<String>,
        message: impl Into<String>,
    ) {
        let finding = finding(object, Severity::Error, reason, field.into(), message.into());
        self.consequences.entry(object.clone()).or_default().push(finding);
    }

    /// Notes that a condition of an object cannot be told: it is `Unknown`, unless something is found that turns it.
    pub fn undecided(
        &mut self,
        object: &ObjectId,
        type_: ConditionType,
        reason: Reason,
        message: impl Into<String>,
    ) {
        let message = message.into();
        let place = (object.clone(), type_);
        self.undecided
            .entry(place)
            .or_insert(Undecided { reason, message });
    }

    /// Why a condition of an object cannot be told.
    pub fn why_undecided(&self, object: &ObjectId, type_: ConditionType) -> Option<&Undecided> {
        self.undecided.get(&(object.clone(), type_))
    }

    /// Whether nothing keeps the object from being served as written, but for parts of it that a policy stops.
    pub fn is_sound(&self, object: &ObjectId) -> bool {
        !self.has_error(object, |effect, _| effect != Effect::Stop)
    }

    /// Whether nothing but policies keeps the object from being served as written.
    pub fn is_coherent(&self, object: &ObjectId) -> bool {
        !self.has_error(object, |effect, _| effect == Effect::Unsound)
    }

    /// What keeps new forms of the object from being programmed, by policies.
    pub fn gates(&self, object: &ObjectId) -> impl Iterator<Item = &Finding> {
        self.about(object).filter(|finding| {
            finding.severity == Severity::Error && effect_of(finding.reason) == Effect::Gate
        })
    }

    /// Whether the object is sound by itself: others may use it although something that it refers to is missing, or a
    /// policy has something against it that is a condition of its own.
    pub fn is_usable(&self, object: &ObjectId) -> bool {
        !self.has_error(object, |effect, reason| {
            let type_ = match effect {
                Effect::Unsound => condition_of(reason),
                Effect::Gate => condition_on(object.kind, reason),
                Effect::Stop => return false,
            };
            type_ == ConditionType::Accepted
        })
    }

    fn has_error(&self, object: &ObjectId, counts: impl Fn(Effect, Reason) -> bool) -> bool {
        self.about(object).any(|finding| {
            finding.severity == Severity::Error && counts(effect_of(finding.reason), finding.reason)
        })
    }

    /// Findings and consequences of one object.
    pub fn about(&self, object: &ObjectId) -> impl Iterator<Item = &Finding> {
        let [own, consequences] =
            [&self.findings, &self.consequences].map(|map| map.get(object).into_iter().flatten());
        own.chain(consequences)
    }

    /// The findings, by object.
    pub fn into_findings(self) -> Vec<Finding> {
        self.findings.into_values().flatten().collect()
    }
}

fn finding(object: &ObjectId, severity: Severity, reason: Reason, field: String, message: String) -> Finding {
    Finding {
        object: object.clone(),
        severity,
        reason,
        field,
        message,
        offset: None,
        suggestion: None,
    }
}
