//! Where checks write what they find.

use std::collections::BTreeMap;

use attune_api::conditions::{ConditionType, Reason};

use crate::finding::{FINDING_REASONS, Finding, ObjectId, Severity, condition_of};

/// Findings so far, and what follows from them for other objects.
#[derive(Debug, Default)]
pub struct Report {
    findings: BTreeMap<ObjectId, Vec<Finding>>,
    consequences: BTreeMap<ObjectId, Vec<Finding>>,
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

    /// Whether nothing keeps the object from being served as written.
    pub fn is_sound(&self, object: &ObjectId) -> bool {
        self.about(object)
            .all(|finding| finding.severity != Severity::Error)
    }

    /// Whether the object is sound by itself: others may use it although something that it refers to is missing.
    pub fn is_usable(&self, object: &ObjectId) -> bool {
        self.about(object).all(|finding| {
            finding.severity != Severity::Error || condition_of(finding.reason) != ConditionType::Accepted
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
