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
    /// No policy judges this rule, which it is about.
    NotJudged(&'static str),
    /// Deciders have not seen enough to say.
    Unseen,
    /// Nothing looks at it yet.
    Pending,
}

/// What a condition of an object says that no finding turns.
pub(super) fn satisfied(model: &Model<'_>, id: &ObjectId, type_: ConditionType) -> Satisfied {
    let policies = &model.policies;
    let when = |judged: bool, rule, reason| {
        if judged {
            Satisfied::Yes(reason)
        } else {
            Satisfied::NotJudged(rule)
        }
    };
    // Other rules may turn a condition too; that none of them was broken does not make true what it is named after.
    match type_ {
        ConditionType::OwnersResolved => when(
            policies.judges(|rules| rules.owner_roles.as_ref())
                || policies.judges(|rules| rules.owner_access.as_ref()),
            "ownerRoles",
            Reason::OwnersResolved,
        ),
        ConditionType::Covered => when(
            policies.judges(|rules| rules.coverage.as_ref()),
            "coverage",
            Reason::Covered,
        ),
        ConditionType::Balanced => when(
            policies.judges(|rules| rules.funnel_balance.as_ref()),
            "funnelBalance",
            Reason::Balanced,
        ),
        ConditionType::Measured => when(
            policies.judges(|rules| rules.holdout.as_ref()),
            "holdout",
            Reason::Measured,
        ),
        ConditionType::Audited => when(
            policies.judges(|rules| rules.data_audit.as_ref()),
            "dataAudit",
            Reason::Audited,
        ),
        // What has expired is told whether or not a policy asks for reviews; that all is fresh, only where one does.
        ConditionType::Fresh => when(
            policies.judges(|rules| rules.review.as_ref()),
            "review",
            Reason::Fresh,
        ),
        ConditionType::Observed => observed(model, &id.name),
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
