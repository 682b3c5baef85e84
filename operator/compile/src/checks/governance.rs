//! Policies themselves: each can be met, and rules somebody.
//!
//! A policy is judged once, in the snapshot of the cluster's own objects, which has no namespace.

use std::collections::BTreeSet;

use attune_api::conditions::Reason;
use attune_api::governance_policy::{Enforcement, GovernancePolicySpec, PolicyRules};
use attune_api::{GovernancePolicy, Kind};

use crate::Model;
use crate::policy::{Rule, Selector, selects};
use crate::report::Report;
use crate::snapshot::Labels;

#[cfg(test)]
mod tests;

/// The most that a Holdout may hold, in basis points: its definition refuses more.
const MAX_HELD_BP: u32 = 5000;

/// Looks at every policy by itself, at whom it rules, and at pairs that rule the same namespace.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    if !model.snapshot.namespace.is_empty() {
        return;
    }
    let policies = &model.snapshot.policies;
    for (name, policy) in policies {
        let object = model.snapshot.id(Kind::GovernancePolicy, name);
        if let Err(error) = Selector::parse(&policy.spec.namespace_selector) {
            let field = format!("spec.namespaceSelector.{}", error.field());
            report.error(&object, Reason::InvalidField, field, error.to_string());
            continue;
        }
        for (field, message) in alone(&policy.spec) {
            report.warning(&object, Reason::Contradiction, field, message);
        }
        let namespaces = &model.snapshot.namespaces;
        if !namespaces.is_empty() && !namespaces.values().any(|labels| selects(policy, labels)) {
            let message = "no namespace with a strategy has these labels, so that the policy rules nobody: correct the \
                           selector, or label the namespaces";
            report.warning(&object, Reason::SelectsNothing, "spec.namespaceSelector", message);
        }
    }
    let all: Vec<_> = policies.iter().collect();
    for (index, (name, policy)) in all.iter().enumerate() {
        for (other, against) in all.iter().take(index) {
            if let Some(namespace) = shared(model.snapshot.namespaces.iter(), policy, against) {
                for (field, message) in together(&policy.spec.rules, &policy.spec, &against.spec) {
                    let message = format!("in namespace `{namespace}`, policy `{other}` {message}");
                    let object = model.snapshot.id(Kind::GovernancePolicy, name);
                    report.warning(&object, Reason::Contradiction, field, message);
                }
            }
        }
    }
}

/// A namespace that two policies rule.
fn shared<'n>(
    mut namespaces: impl Iterator<Item = (&'n String, &'n Labels)>,
    one: &GovernancePolicy,
    other: &GovernancePolicy,
) -> Option<&'n str> {
    let both = |labels: &Labels| selects(one, labels) && selects(other, labels);
    namespaces
        .find(|(_, labels)| both(labels))
        .map(|(name, _)| name.as_str())
}

fn is_judged<R: Rule>(rule: Option<&R>) -> bool {
    rule.is_some_and(|rule| rule.enforcement() != Enforcement::Ignore)
}

fn is_enforced<R: Rule>(rule: Option<&R>) -> bool {
    rule.is_some_and(|rule| rule.enforcement() == Enforcement::Enforce)
}

/// What of one policy nobody can meet, or cannot do what it says.
fn alone(spec: &GovernancePolicySpec) -> Vec<(String, String)> {
    let rules = &spec.rules;
    let mut told = Vec::new();
    let mut tell = |field: &str, message: String| told.push((field.to_owned(), message));
    if is_judged(rules.owner_roles.as_ref()) && spec.teams.is_empty() {
        let message = "`ownerRoles` asks for owners among the teams, and there are none: list the teams";
        tell("spec.teams", message.to_owned());
    }
    if let Some(minimum) = rules.holdout.as_ref().and_then(|rule| rule.minimum_bp)
        && minimum.get_u32() > MAX_HELD_BP
    {
        let message = format!("no Holdout may hold more than {MAX_HELD_BP} basis points: ask for less");
        tell("spec.rules.holdout.minimumBp", message);
    }
    if let Some(review) = &rules.review
        && let (Some(notice), Some(most)) = (&review.notice, &review.max_ahead)
        && notice.seconds() >= most.seconds()
    {
        let message =
            format!("everything within {most} is about to end by a notice of {notice}: give shorter notice");
        tell("spec.rules.review.notice", message);
    }
    if let Some(tactics) = &rules.tactics {
        let is_empty =
            tactics.prohibited.is_empty() && tactics.phrases.values().all(|list| list.0.is_empty());
        if tactics.enforcement == Enforcement::Enforce && is_empty {
            let message = "the rule is enforced and prohibits nothing: list tactics or phrases";
            tell("spec.rules.tactics.prohibited", message.to_owned());
        }
    }
    if let Some(locales) = &rules.locales {
        for (locale, limits) in &locales.forbidden {
            if limits.tactics.is_empty() && limits.phrases.is_empty() && limits.labels.is_empty() {
                let message =
                    format!("nothing is kept from `{locale}`: list tactics, phrases or labels, or remove it");
                tell(&format!("spec.rules.locales.forbidden.{locale}"), message);
            }
        }
    }
    told
}

/// What of two policies that rule one namespace nobody can meet at once, as the end of a sentence about the other one.
fn together(
    rules: &PolicyRules,
    one: &GovernancePolicySpec,
    other: &GovernancePolicySpec,
) -> Vec<(String, String)> {
    let mut told = Vec::new();
    let both = |pick: fn(&PolicyRules) -> bool| pick(&one.rules) && pick(&other.rules);
    if both(|rules| is_enforced(rules.owner_roles.as_ref())) {
        let teams: BTreeSet<_> = one.teams.iter().collect();
        let has_teams = !teams.is_empty() && !other.teams.is_empty();
        if has_teams && !other.teams.iter().any(|team| teams.contains(team)) {
            let message =
                "has other teams, so that no owner is a team of both: share a team, or let one of them rule";
            told.push(("spec.teams".to_owned(), message.to_owned()));
        }
    }
    if both(|rules| is_enforced(rules.primary_metric.as_ref())) {
        let dimensions = |rules: &PolicyRules| -> Vec<_> {
            let listed = rules
                .primary_metric
                .iter()
                .flat_map(|rule| rule.dimensions.clone());
            listed.collect()
        };
        let (own, theirs) = (dimensions(rules), dimensions(&other.rules));
        if !own.is_empty() && !theirs.is_empty() && !own.iter().any(|one| theirs.contains(one)) {
            let message = "lets other dimensions decide, so that no metric pleases both: share a dimension";
            told.push((
                "spec.rules.primaryMetric.dimensions".to_owned(),
                message.to_owned(),
            ));
        }
    }
    told
}
