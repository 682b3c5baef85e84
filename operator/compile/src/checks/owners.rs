//! Every part has an owner among the teams, who may really change it.

use std::collections::BTreeSet;

use attune_api::conditions::{ConditionType, Reason};
use attune_api::governance_policy::{AccessVia, OwnerAccessRule, PlainRule};
use attune_api::text::{GroupName, ObjectName};
use attune_api::{Kind, Owner, Program};

use super::references::closest;
use crate::Model;
use crate::access::{Answer, Role, owned, question};
use crate::codeowners::Owned;
use crate::facts::{Fact, Facts};
use crate::finding::ObjectId;
use crate::policy::Ruling;
use crate::report::Report;

#[cfg(test)]
mod tests;

/// The most teams, kinds or objects that one message names.
const MAX_NAMED: usize = 5;

/// Looks at the owners of programs and of single objects.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let mut facts = Facts::default();
    for ruling in model.policies.judging(|rules| rules.owner_roles.as_ref()) {
        teams(model, &ruling, &mut facts);
    }
    for ruling in model.policies.judging(|rules| rules.owner_access.as_ref()) {
        match ruling.rule.via.unwrap_or(AccessVia::Rbac) {
            AccessVia::Rbac => access(model, &ruling, &mut facts, report),
            AccessVia::Codeowners => repository(model, &ruling, &mut facts, report),
        }
    }
    facts.report(report);
}

/// Every owner: of a part of a program, or of an object.
fn owners<'m>(model: &'m Model<'_>) -> impl Iterator<Item = (Kind, &'m str, Option<Role>, &'m Owner)> {
    let snapshot = model.snapshot;
    let parts = snapshot.programs.iter().flat_map(move |(name, program)| {
        let owners = &program.spec.owners;
        let roles = Role::ALL.into_iter();
        roles.map(move |role| (Kind::Program, name.as_str(), Some(role), role.of(owners)))
    });
    let objects = owned(snapshot).map(|(kind, name, owner)| (kind, name, None, owner));
    parts.chain(objects)
}

/// Owners are teams of the policy; one that lists none leaves that open, and is told so itself.
fn teams(model: &Model<'_>, ruling: &Ruling<'_, PlainRule>, facts: &mut Facts) {
    let teams: BTreeSet<&str> = ruling.policy.spec.teams.iter().map(GroupName::as_str).collect();
    if teams.is_empty() {
        return;
    }
    for (kind, name, role, owner) in owners(model) {
        let group = owner.group.as_str();
        if teams.contains(group) {
            continue;
        }
        let known: Vec<_> = teams.iter().copied().collect();
        let message = format!(
            "`{group}` is no team of the policy: name one of {}, or add it to the policy's teams",
            listed(&known)
        );
        let field = role.map_or_else(
            || "spec.owner.group".to_owned(),
            |role| format!("spec.owners.{}.group", role.field()),
        );
        let object = model.snapshot.id(kind, name);
        let fact = Fact::new(object, Reason::UnknownGroup, field, message);
        facts.note(ruling, fact.suggest(closest(group, &known)));
    }
}

/// Names in a message, bounded.
fn listed(names: &[&str]) -> String {
    let shown: Vec<_> = names
        .iter()
        .take(MAX_NAMED)
        .map(|name| format!("`{name}`"))
        .collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Owners may update what they own, as the cluster's access control has it.
fn access(model: &Model<'_>, ruling: &Ruling<'_, OwnerAccessRule>, facts: &mut Facts, report: &mut Report) {
    let snapshot = model.snapshot;
    let answer = |group: &str, kind, name| {
        let asked = question(ruling.policy, group, kind, name);
        (
            snapshot.access.get(&asked).copied().unwrap_or(Answer::Unknown),
            asked.group,
        )
    };
    for (name, program) in &snapshot.programs {
        let object = snapshot.id(Kind::Program, name);
        for role in Role::ALL {
            let group = role.of(&program.spec.owners).group.as_str();
            let answers = role.kinds().iter().map(|kind| (kind, answer(group, *kind, None)));
            for (kind, (answer, known_as)) in answers {
                let field = format!("spec.owners.{}.group", role.field());
                match answer {
                    Answer::Allowed => {}
                    Answer::Denied => {
                        let message = denied(role.field(), &known_as, kind.plural(), snapshot_name(model));
                        let fact = Fact::new(object.clone(), Reason::AccessMissing, field, message);
                        facts.note(ruling, fact.about(kind.plural()));
                    }
                    Answer::Unknown => {
                        let message = unknown(&known_as, kind.plural());
                        hold_back(model, ruling, &object, &field, &message, report);
                        report.undecided(
                            &object,
                            ConditionType::OwnersResolved,
                            Reason::AccessUnknown,
                            format!("{field}: {message}"),
                        );
                    }
                }
            }
        }
    }
    for (kind, name, owner) in owned(snapshot) {
        let (answer, known_as) = answer(owner.group.as_str(), kind, Some(name));
        let (object, field) = (snapshot.id(kind, name), "spec.owner.group");
        match answer {
            Answer::Allowed => {}
            Answer::Denied => {
                let message = format!(
                    "group `{known_as}` owns the {kind} and may not update it: bind a role that allows to update {} `{name}` \
                     in namespace `{}`, or name the group that may",
                    kind.plural(),
                    snapshot_name(model)
                );
                facts.note(ruling, Fact::new(object, Reason::AccessMissing, field, message));
            }
            Answer::Unknown => {
                let message = unknown(&known_as, &format!("{} `{name}`", kind.plural()));
                hold_back(model, ruling, &object, field, &message, report);
            }
        }
    }
}

/// Where a policy enforces that owners may, new forms wait until it is known that they do; what serves stays.
fn hold_back(
    model: &Model<'_>,
    ruling: &Ruling<'_, OwnerAccessRule>,
    object: &ObjectId,
    field: &str,
    message: &str,
    report: &mut Report,
) {
    if ruling.is_enforced() && model.snapshot.asks_access {
        report.consequence(object, Reason::AccessUnknown, field, message);
    }
}

fn unknown(group: &str, what: &str) -> String {
    format!("whether group `{group}` may update {what} is not known")
}

fn snapshot_name<'m>(model: &'m Model<'_>) -> &'m str {
    &model.snapshot.namespace
}

fn denied(role: &str, group: &str, plural: &str, namespace: &str) -> String {
    format!(
        "group `{group}` answers for `{role}` and may not update {plural}: bind a role that allows it in namespace \
         `{namespace}`, or name the group that may"
    )
}

/// Owners own the files that what they own stands in, as CODEOWNERS has it; a cluster has no such file.
fn repository(
    model: &Model<'_>,
    ruling: &Ruling<'_, OwnerAccessRule>,
    facts: &mut Facts,
    report: &mut Report,
) {
    let snapshot = model.snapshot;
    let Some(codeowners) = &snapshot.codeowners else {
        for name in snapshot.programs.keys() {
            report.undecided(
                &snapshot.id(Kind::Program, name),
                ConditionType::OwnersResolved,
                Reason::ManagedByGit,
                "who may change what is a matter of the repository: `attune lint --codeowners` checks it",
            );
        }
        return;
    };
    let prefix = ruling.policy.spec.group_prefix.as_deref().unwrap_or_default();
    let lacks = |group: &str, object: &ObjectId| -> Option<&Owned> {
        let owned = codeowners.get(object)?;
        (!owned.is_by(prefix, group)).then_some(owned)
    };
    for (name, program) in &snapshot.programs {
        for role in Role::ALL {
            let group = role.of(&program.spec.owners).group.as_str();
            let parts = parts(model, name, program, role).into_iter();
            let lacking: Vec<_> = parts
                .filter_map(|object| Some((lacks(group, &object)?, object)))
                .collect();
            let Some(message) = others_files(group, role, &lacking) else {
                continue;
            };
            let field = format!("spec.owners.{}.group", role.field());
            let object = snapshot.id(Kind::Program, name);
            facts.note(ruling, Fact::new(object, Reason::AccessMissing, field, message));
        }
    }
    for (kind, name, owner) in owned(snapshot) {
        let object = snapshot.id(kind, name);
        if let Some(owned) = lacks(owner.group.as_str(), &object) {
            let message = format!(
                "`{}` owns the {kind} and does not own `{}`, where it stands: add it to CODEOWNERS",
                owner.group, owned.path
            );
            facts.note(
                ruling,
                Fact::new(object, Reason::AccessMissing, "spec.owner.group", message),
            );
        }
    }
}

/// That objects of a role stand in files that its group does not own; nothing where there are none.
fn others_files(group: &str, role: Role, lacking: &[(&Owned, ObjectId)]) -> Option<String> {
    let (owned, first) = lacking.first()?;
    let more = match lacking.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Some(format!(
        "`{group}` answers for `{}` and does not own `{}`, where {} `{}` stands{more}: add it to CODEOWNERS",
        role.field(),
        owned.path,
        first.kind,
        first.name
    ))
}

/// What of a program a role answers for: the objects that the program uses.
fn parts(model: &Model<'_>, name: &str, program: &Program, role: Role) -> BTreeSet<ObjectId> {
    let snapshot = model.snapshot;
    let bindings = || {
        let all = snapshot.bindings.iter();
        all.filter(|(_, binding)| binding.spec.program_ref.name.as_str() == name)
    };
    let of = |kind, names: Vec<&str>| names.into_iter().map(|name| snapshot.id(kind, name)).collect();
    let spec = &program.spec;
    match role {
        Role::Audiences => of(
            Kind::Audience,
            spec.audiences.iter().map(ObjectName::as_str).collect(),
        ),
        Role::Rules => of(
            Kind::ChannelBinding,
            bindings().map(|(name, _)| name.as_str()).collect(),
        ),
        Role::Content => {
            let candidates = bindings().flat_map(|(_, binding)| &binding.spec.candidates);
            of(
                Kind::ContentModule,
                candidates.map(|one| one.module_ref.name.as_str()).collect(),
            )
        }
        Role::DataModel => {
            let readers = model.uses.iter().filter(|(_, readers)| {
                readers
                    .iter()
                    .any(|reader| reader.programs(model).any(|program| program == name))
            });
            let declared = readers.filter_map(|(attribute, _)| model.attributes.by_name.get(attribute));
            of(
                Kind::DataContract,
                declared.map(|declared| declared.contract.as_str()).collect(),
            )
        }
        Role::Measurement => {
            let guardrails = spec.guardrails.iter().map(|one| one.metric_ref.name.as_str());
            let metrics = guardrails.chain([spec.kpi.metric_ref.name.as_str()]);
            let mut parts: BTreeSet<_> = of(Kind::Metric, metrics.collect());
            let experiments = snapshot.experiments.iter();
            let own = experiments.filter(|(_, one)| one.spec.program_ref.name.as_str() == name);
            parts.extend(own.map(|(name, _)| snapshot.id(Kind::Experiment, name)));
            parts.extend(
                spec.holdout_ref
                    .iter()
                    .map(|one| snapshot.id(Kind::Holdout, one.name.as_str())),
            );
            parts
        }
    }
}
