//! Where checks write what they find.

use std::collections::BTreeMap;

use attune_api::Kind;
use attune_api::conditions::{ConditionType, Reason};

use crate::finding::{
    Effect, FINDING_REASONS, Finding, ObjectId, Severity, condition_of, condition_on, effect_of,
};
use crate::stops::Stops;

/// Findings so far, and what follows from them for other objects.
#[derive(Debug, Default)]
pub struct Report {
    findings: ByPlace,
    consequences: ByPlace,
    undecided: BTreeMap<ObjectId, BTreeMap<ConditionType, Undecided>>,
    /// What rules that stop take out of bundles.
    pub stops: Stops,
}

/// Findings by kind and name: a report is about one namespace.
type ByPlace = BTreeMap<Kind, BTreeMap<String, Vec<Finding>>>;

/// An object of the namespace that a report is about.
#[derive(Debug, Clone, Copy)]
pub struct Place<'o> {
    kind: Kind,
    name: &'o str,
}

impl<'o> From<&'o ObjectId> for Place<'o> {
    fn from(id: &'o ObjectId) -> Self {
        Self {
            kind: id.kind,
            name: &id.name,
        }
    }
}

impl<'o> From<(Kind, &'o String)> for Place<'o> {
    fn from((kind, name): (Kind, &'o String)) -> Self {
        Self { kind, name }
    }
}

impl<'o> From<(Kind, &'o str)> for Place<'o> {
    fn from((kind, name): (Kind, &'o str)) -> Self {
        Self { kind, name }
    }
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
        push(&mut self.findings, finding);
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
        push(&mut self.consequences, finding);
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
        let of_object = self.undecided.entry(object.clone()).or_default();
        of_object.entry(type_).or_insert(Undecided { reason, message });
    }

    /// Why a condition of an object cannot be told.
    pub fn why_undecided(&self, object: &ObjectId, type_: ConditionType) -> Option<&Undecided> {
        self.undecided.get(object)?.get(&type_)
    }

    /// Whether nothing keeps the object from being served as written, but for parts of it that a policy stops.
    pub fn is_sound<'o>(&self, object: impl Into<Place<'o>>) -> bool {
        !self.has_error(object.into(), |effect, _| effect != Effect::Stop)
    }

    /// Whether nothing but policies keeps the object from being served as written.
    pub fn is_coherent<'o>(&self, object: impl Into<Place<'o>>) -> bool {
        !self.has_error(object.into(), |effect, _| effect == Effect::Unsound)
    }

    /// What keeps new forms of objects from being programmed, by policies.
    pub fn all_gates(&self) -> impl Iterator<Item = &Finding> {
        let all = [&self.findings, &self.consequences].into_iter();
        let all = all
            .flat_map(BTreeMap::values)
            .flat_map(BTreeMap::values)
            .flatten();
        all.filter(|finding| finding.severity == Severity::Error && effect_of(finding.reason) == Effect::Gate)
    }

    /// Whether the object is sound by itself: others may use it although something that it refers to is missing, or a
    /// policy has something against it that is a condition of its own.
    pub fn is_usable<'o>(&self, object: impl Into<Place<'o>>) -> bool {
        let object = object.into();
        !self.has_error(object, |effect, reason| {
            let type_ = match effect {
                Effect::Unsound => condition_of(reason),
                Effect::Gate => condition_on(object.kind, reason),
                Effect::Stop => return false,
            };
            type_ == ConditionType::Accepted
        })
    }

    fn has_error(&self, object: Place<'_>, counts: impl Fn(Effect, Reason) -> bool) -> bool {
        self.about(object).any(|finding| {
            finding.severity == Severity::Error && counts(effect_of(finding.reason), finding.reason)
        })
    }

    /// Findings and consequences of one object.
    pub fn about<'o>(&self, object: impl Into<Place<'o>>) -> impl Iterator<Item = &Finding> {
        let Place { kind, name } = object.into();
        [&self.findings, &self.consequences]
            .map(|map| map.get(&kind).and_then(|names| names.get(name)))
            .into_iter()
            .flatten()
            .flatten()
    }

    /// The findings, by object.
    pub fn into_findings(self) -> Vec<Finding> {
        let kinds = self.findings.into_values();
        kinds.flat_map(BTreeMap::into_values).flatten().collect()
    }
}

fn push(map: &mut ByPlace, finding: Finding) {
    let names = map.entry(finding.object.kind).or_default();
    match names.get_mut(&finding.object.name) {
        Some(known) => known.push(finding),
        None => drop(names.insert(finding.object.name.clone(), vec![finding])),
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
