//! What policies say about one fact, put together: it is reported once, at the highest severity, naming the policies.

use std::collections::BTreeMap;

use attune_api::conditions::Reason;

use crate::finding::{Finding, ObjectId, Severity};
use crate::policy::Ruling;
use crate::report::Report;

mod experiment;

pub use experiment::{ExperimentFacts, shown_of};

#[cfg(test)]
mod tests;

/// One fact that breaks a rule.
#[derive(Debug, Clone)]
pub struct Fact {
    /// The object.
    pub object: ObjectId,
    /// Why it breaks the rule.
    pub reason: Reason,
    /// The field's path.
    pub field: String,
    /// What tells it from other facts of this reason about this field: the name of an attribute, of a role.
    pub about: String,
    /// What is wrong with which value and what to do; without the policy, which is added.
    pub message: String,
    /// The nearest valid value, where one is near.
    pub suggestion: Option<String>,
}

impl Fact {
    /// The only fact of its reason about a field.
    pub fn new(
        object: ObjectId,
        reason: Reason,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            object,
            reason,
            field: field.into(),
            about: String::new(),
            message: message.into(),
            suggestion: None,
        }
    }

    /// With the nearest valid value.
    #[must_use]
    pub fn suggest(mut self, near: Option<&str>) -> Self {
        self.suggestion = near.map(str::to_owned);
        self
    }

    /// One of several facts about its field.
    #[must_use]
    pub fn about(mut self, what: impl Into<String>) -> Self {
        self.about = what.into();
        self
    }
}

/// Facts in the order in which they were found.
#[derive(Debug, Default)]
pub struct Facts {
    found: Vec<Found>,
    places: BTreeMap<(ObjectId, Reason, String, String), usize>,
}

#[derive(Debug)]
struct Found {
    fact: Fact,
    is_enforced: bool,
    policies: Vec<String>,
}

impl Facts {
    /// Notes that a fact breaks the rule of a policy.
    ///
    /// Policies have parameters of their own, so that their words may differ: those of the first one with the highest
    /// severity stay.
    pub fn note<R>(&mut self, ruling: &Ruling<'_, R>, fact: Fact) {
        let is_enforced = ruling.is_enforced();
        let policies = ruling.policy.name.map(str::to_owned);
        let place = (
            fact.object.clone(),
            fact.reason,
            fact.field.clone(),
            fact.about.clone(),
        );
        if let Some(found) = self
            .places
            .get(&place)
            .and_then(|index| self.found.get_mut(*index))
        {
            if is_enforced && !found.is_enforced {
                found.fact = fact;
                found.is_enforced = true;
            }
            found
                .policies
                .extend(policies.filter(|name| !found.policies.contains(name)));
            return;
        }
        self.places.insert(place, self.found.len());
        self.found.push(Found {
            fact,
            is_enforced,
            policies: policies.into_iter().collect(),
        });
    }

    /// Whether some policy enforces a rule that a fact breaks.
    pub fn is_any_enforced(&self) -> bool {
        self.found.iter().any(|found| found.is_enforced)
    }

    /// Reports every fact: an error where some policy enforces its rule, else a warning.
    pub fn report(self, report: &mut Report) {
        for found in self.found {
            let fact = found.fact;
            report.add(Finding {
                object: fact.object,
                severity: if found.is_enforced {
                    Severity::Error
                } else {
                    Severity::Warning
                },
                reason: fact.reason,
                field: fact.field,
                message: format!("{} ({})", fact.message, named(&found.policies)),
                offset: None,
                suggestion: fact.suggestion,
            });
        }
    }
}

/// Policies by name, as a message ends with them.
fn named(policies: &[String]) -> String {
    let names: Vec<_> = policies.iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "built-in policy".to_owned(),
        [one] => format!("policy {one}"),
        several => format!("policies {}", several.join(", ")),
    }
}
