//! What a decider counted since it last said so: numbers by name, and nothing of any person.
//!
//! Counts are told as they come and added up by whoever hears them, so that they may go through several hands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counts by the reason of the decision, as `attune.reason` spells it. A name that is not known is a newer decider's.
pub type Reasons = BTreeMap<String, u64>;

/// The counts of one Channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// What requests carried, by attribute that the Channel's rules read and its clients may supply.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, AttributeCounts>,
    /// Decisions that no rule won, by touchpoint.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub touchpoints: BTreeMap<String, Reasons>,
    /// Decisions that a rule won, by binding; held out and not enrolled ones too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bindings: BTreeMap<String, BindingCounts>,
}

/// What requests carried of one attribute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttributeCounts {
    /// Requests looked at.
    pub requests: u64,
    /// Requests that carried it in its type, whether or not they consented to its use.
    #[serde(default)]
    pub present: u64,
    /// Requests that carried it in another type.
    #[serde(default)]
    pub type_clashes: u64,
    /// Requests that carried a value that the contract does not list; counted as present too.
    #[serde(default)]
    pub outside_values: u64,
}

/// Decisions that the rules of one binding won.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindingCounts {
    /// By reason.
    #[serde(default)]
    pub reasons: Reasons,
    /// By rule, as [`Bundle::rule_key`](crate::bundle::Bundle::rule_key) calls it.
    #[serde(default)]
    pub rules: BTreeMap<String, u64>,
}

impl Counts {
    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.touchpoints.is_empty() && self.bindings.is_empty()
    }

    /// How many names it holds.
    pub fn names(&self) -> usize {
        let reasons = self.touchpoints.values().map(Reasons::len);
        let bindings = self.bindings.values();
        let bindings = bindings.map(|binding| 1 + binding.reasons.len() + binding.rules.len());
        self.attributes.len() + self.touchpoints.len() + reasons.chain(bindings).sum::<usize>()
    }

    /// Adds what somebody else counted, or what was counted later.
    pub fn add(&mut self, other: &Self) {
        for (name, counts) in &other.attributes {
            self.attributes.entry(name.clone()).or_default().add(counts);
        }
        for (name, reasons) in &other.touchpoints {
            add(self.touchpoints.entry(name.clone()).or_default(), reasons);
        }
        for (name, counts) in &other.bindings {
            let binding = self.bindings.entry(name.clone()).or_default();
            add(&mut binding.reasons, &counts.reasons);
            add(&mut binding.rules, &counts.rules);
        }
    }
}

impl AttributeCounts {
    /// Adds other requests.
    pub fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.present = self.present.saturating_add(other.present);
        self.type_clashes = self.type_clashes.saturating_add(other.type_clashes);
        self.outside_values = self.outside_values.saturating_add(other.outside_values);
    }
}

fn add(sums: &mut BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) {
    for (name, count) in counts {
        let sum = sums.entry(name.clone()).or_default();
        *sum = sum.saturating_add(*count);
    }
}
