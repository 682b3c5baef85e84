//! Which policies rule a namespace, and what each of them says about a rule.
//!
//! Every policy that selects the namespace is judged alone, with its own parameters; where none selects it, the built-in
//! one holds, which warns of everything and enforces nothing. What several of them say about one fact is put together in
//! [`crate::facts`].

use std::collections::BTreeMap;
use std::sync::LazyLock;

use attune_api::GovernancePolicy;
use attune_api::governance_policy::{
    ApprovalRule, AttributesRule, AudienceBudgetRule, CapacityRule, DataAuditRule, Enforcement, EvidenceRule,
    FunnelBalanceRule, GovernancePolicySpec, HoldoutRule, LocalesRule, OwnerAccessRule, PlainRule,
    PolicyRules, PrimaryMetricRule, ReviewRule, TacticsRule,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::snapshot::{Labels, Snapshot};

mod selector;

pub use selector::{Selector, SelectorError};

#[cfg(test)]
mod tests;

/// The policies that rule a namespace.
#[derive(Debug)]
pub struct Policies<'s> {
    /// By name; the built-in one alone where no policy selects the namespace.
    ruling: Vec<Policy<'s>>,
}

/// One policy that rules a namespace.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'s> {
    /// Its name; `None` for the built-in one.
    pub name: Option<&'s str>,
    /// What it says.
    pub spec: &'s GovernancePolicySpec,
}

/// What one policy says about one rule.
#[derive(Debug)]
pub struct Ruling<'p, R> {
    /// Whose rule it is.
    pub policy: &'p Policy<'p>,
    /// What happens when it is broken; never `Ignore`.
    pub enforcement: Enforcement,
    /// Its parameters.
    pub rule: &'p R,
}

/// A rule of a policy.
pub trait Rule {
    /// What happens when it is broken.
    fn enforcement(&self) -> Enforcement;
}

macro_rules! rules {
    ($($rule:ident),* $(,)?) => {
        $(impl Rule for $rule {
            fn enforcement(&self) -> Enforcement {
                self.enforcement
            }
        })*
    };
}

rules!(
    ApprovalRule,
    AttributesRule,
    AudienceBudgetRule,
    CapacityRule,
    DataAuditRule,
    EvidenceRule,
    FunnelBalanceRule,
    HoldoutRule,
    LocalesRule,
    OwnerAccessRule,
    PlainRule,
    PrimaryMetricRule,
    ReviewRule,
    TacticsRule,
);

impl<'s> Policies<'s> {
    /// The policies that select the snapshot's namespace, or the built-in one.
    pub fn of(snapshot: &'s Snapshot) -> Self {
        let labels = snapshot.labels();
        let selecting = snapshot
            .policies
            .iter()
            .filter(|(_, policy)| selects(policy, &labels));
        let mut ruling: Vec<_> = selecting
            .map(|(name, policy)| Policy {
                name: Some(name.as_str()),
                spec: &policy.spec,
            })
            .collect();
        if ruling.is_empty() {
            ruling.push(Policy {
                name: None,
                spec: &BUILT_IN,
            });
        }
        Self { ruling }
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Policy<'s>> {
        self.ruling.iter()
    }

    /// What each policy says about a rule, of those that judge it at all.
    pub fn judging<'p, R: Rule + 'p>(
        &'p self,
        pick: impl Fn(&'p PolicyRules) -> Option<&'p R>,
    ) -> impl Iterator<Item = Ruling<'p, R>> {
        self.ruling.iter().filter_map(move |policy| {
            let rule = pick(&policy.spec.rules)?;
            let enforcement = rule.enforcement();
            (enforcement != Enforcement::Ignore).then_some(Ruling {
                policy,
                enforcement,
                rule,
            })
        })
    }

    /// Whether any policy judges a rule.
    pub fn judges<'p, R: Rule + 'p>(&'p self, pick: impl Fn(&'p PolicyRules) -> Option<&'p R>) -> bool {
        self.judging(pick).next().is_some()
    }
}

impl<R> Ruling<'_, R> {
    /// Whether what breaks the rule is an error.
    pub fn is_enforced(&self) -> bool {
        self.enforcement == Enforcement::Enforce
    }
}

impl<R> Clone for Ruling<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Ruling<'_, R> {}

/// Whether a policy selects a namespace with these labels. A selector that cannot be read selects nothing; the policy
/// itself is told so.
pub fn selects(policy: &GovernancePolicy, labels: &Labels) -> bool {
    Selector::parse(&policy.spec.namespace_selector).is_ok_and(|selector| selector.matches(labels))
}

/// What holds where no policy selects a namespace.
static BUILT_IN: LazyLock<GovernancePolicySpec> = LazyLock::new(|| {
    let enforcement = Enforcement::Warn;
    let plain = Some(PlainRule { enforcement });
    GovernancePolicySpec {
        namespace_selector: LabelSelector::default(),
        teams: Vec::new(),
        group_prefix: None,
        rules: PolicyRules {
            objective: plain.clone(),
            owner_roles: plain.clone(),
            // Which names the cluster knows groups by only a policy can tell.
            owner_access: None,
            audience_budget: Some(AudienceBudgetRule {
                enforcement,
                max_per_program: None,
            }),
            insight: plain.clone(),
            coverage: plain.clone(),
            actionable: plain.clone(),
            data_audit: Some(DataAuditRule {
                enforcement,
                max_age: None,
            }),
            review: Some(ReviewRule {
                enforcement,
                max_ahead: None,
                notice: None,
                unused_after: None,
            }),
            sensitive_attributes: plain.clone(),
            purpose: plain,
            attributes: Some(AttributesRule {
                enforcement,
                forbidden_values: BTreeMap::new(),
            }),
            locales: Some(LocalesRule {
                enforcement,
                forbidden: BTreeMap::new(),
            }),
            tactics: Some(TacticsRule {
                enforcement,
                prohibited: Vec::new(),
                phrases: BTreeMap::new(),
            }),
            evidence: Some(EvidenceRule {
                enforcement,
                test_share_bp: None,
                max_age: None,
            }),
            holdout: Some(HoldoutRule {
                enforcement,
                minimum_bp: None,
            }),
            primary_metric: Some(PrimaryMetricRule {
                enforcement,
                dimensions: Vec::new(),
            }),
            funnel_balance: Some(FunnelBalanceRule {
                enforcement,
                max_lower_funnel_bp: None,
            }),
            capacity: Some(CapacityRule {
                enforcement,
                versions_per_quarter: BTreeMap::new(),
            }),
            approval: Some(ApprovalRule {
                enforcement,
                bind_to_content: None,
            }),
        },
    }
});
