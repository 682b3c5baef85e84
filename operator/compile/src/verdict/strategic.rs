//! Conditions about the strategy, where nothing was found against them.

use attune_api::Kind;
use attune_api::conditions::{ConditionType, Reason};

use crate::Model;
use crate::finding::ObjectId;
use crate::observed::MIN_REQUESTS;

/// What a condition says that no finding turns.
pub(super) enum Satisfied {
    /// It is true, for this reason.
    Yes(Reason),
    /// No policy asks for it.
    NotJudged,
    /// Deciders have not seen enough to say.
    Unseen,
    /// Nothing looks at it yet.
    Pending,
}

/// What a condition of an object says that no finding turns.
pub(super) fn satisfied(model: &Model<'_>, id: &ObjectId, type_: ConditionType) -> Satisfied {
    let policies = &model.policies;
    let when = |judged: bool, reason| {
        if judged {
            Satisfied::Yes(reason)
        } else {
            Satisfied::NotJudged
        }
    };
    match type_ {
        ConditionType::OwnersResolved => when(
            policies.judges(|rules| rules.owner_roles.as_ref())
                || policies.judges(|rules| rules.owner_access.as_ref()),
            Reason::OwnersResolved,
        ),
        ConditionType::Covered => when(
            policies.judges(|rules| rules.coverage.as_ref())
                || policies.judges(|rules| rules.capacity.as_ref()),
            Reason::Covered,
        ),
        ConditionType::Balanced => when(
            policies.judges(|rules| rules.funnel_balance.as_ref())
                || policies.judges(|rules| rules.audience_budget.as_ref()),
            Reason::Balanced,
        ),
        ConditionType::Measured => when(
            policies.judges(|rules| rules.holdout.as_ref())
                || policies.judges(|rules| rules.primary_metric.as_ref())
                || policies.judges(|rules| rules.objective.as_ref()),
            Reason::Measured,
        ),
        ConditionType::Audited => when(
            policies.judges(|rules| rules.data_audit.as_ref()),
            Reason::Audited,
        ),
        ConditionType::Observed => observed(model, &id.name),
        // What has expired is told whether or not a policy asks for reviews.
        ConditionType::Fresh => Satisfied::Yes(Reason::Fresh),
        ConditionType::Complete if id.kind == Kind::ContentModule => Satisfied::Yes(Reason::Complete),
        _ => Satisfied::Pending,
    }
}

/// Whether deciders have seen any attribute of a contract often enough to find fault with it.
fn observed(model: &Model<'_>, contract: &str) -> Satisfied {
    let contract = model.snapshot.contracts.get(contract);
    let attributes = contract.into_iter().flat_map(|one| &one.spec.attributes);
    let mut seen = attributes.filter_map(|one| model.snapshot.observed.get(one.name.as_str()));
    if seen.any(|seen| seen.requests >= MIN_REQUESTS) {
        Satisfied::Yes(Reason::Observed)
    } else {
        Satisfied::Unseen
    }
}
