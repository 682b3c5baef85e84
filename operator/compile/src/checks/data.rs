//! Rules use what was audited, for what it is for, and nothing that they should leave alone.

use std::collections::{BTreeMap, BTreeSet};

use attune_api::conditions::Reason;
use attune_api::data_contract::{Attribute, AuditResult, Sensitivity};
use attune_api::governance_policy::{AttributesRule, DataAuditRule, PlainRule};
use attune_api::{AttributeName, DataContract, Kind};

use crate::Model;
use crate::facts::{Fact, Facts};
use crate::policy::Ruling;
use crate::report::Report;
use crate::uses::Reader;

mod observed;

#[cfg(test)]
mod tests;

/// The purpose that everybody has granted.
const ALWAYS_GRANTED: &str = "service";

/// Compares what rules read with what contracts say about it.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let mut facts = Facts::default();
    for ruling in model.policies.judging(|rules| rules.data_audit.as_ref()) {
        for (name, contract) in &model.snapshot.contracts {
            audit(model, (name, contract), &ruling, &mut facts);
        }
    }
    for ruling in model
        .policies
        .judging(|rules| rules.sensitive_attributes.as_ref())
    {
        sensitive(model, &ruling, &mut facts, report);
    }
    for ruling in model.policies.judging(|rules| rules.purpose.as_ref()) {
        purposes(model, &ruling, &mut facts, report);
        consent(model, &ruling, &mut facts);
    }
    for ruling in model.policies.judging(|rules| rules.attributes.as_ref()) {
        unused(model, &ruling, &mut facts);
        forbidden(model, &ruling, &mut facts);
    }
    facts.report(report);
    observed::check(model, report);
}

/// Attributes in use, with how their contract describes them.
fn used<'m>(
    model: &'m Model<'_>,
) -> impl Iterator<Item = (&'m str, &'m [Reader], &'m str, usize, &'m Attribute)> {
    model.uses.iter().filter_map(|(name, readers)| {
        let (contract, index, attribute) = described(model, name)?;
        Some((name, readers, contract, index, attribute))
    })
}

/// How an attribute is described: the contract, its position there, and what is said.
fn described<'m>(model: &'m Model<'_>, name: &str) -> Option<(&'m str, usize, &'m Attribute)> {
    let declared = model.attributes.by_name.get(name)?;
    let contract = model.snapshot.contracts.get(&declared.contract)?;
    let mut attributes = contract.spec.attributes.iter().enumerate();
    let (index, attribute) = attributes.find(|(_, one)| one.name.as_str() == name)?;
    Some((declared.contract.as_str(), index, attribute))
}

/// The audit of a contract: there, passed, of the past, not too old, and about what is used.
fn audit(
    model: &Model<'_>,
    (name, contract): (&str, &DataContract),
    ruling: &Ruling<'_, DataAuditRule>,
    facts: &mut Facts,
) {
    let object = model.snapshot.id(Kind::DataContract, name);
    let mut note = |reason, field: &str, message: String| {
        facts.note(ruling, Fact::new(object.clone(), reason, field, message));
    };
    let Some(audit) = &contract.spec.audit else {
        let message = "nobody has audited these attributes: audit them before rules build on them";
        note(Reason::AuditMissing, "spec.audit", message.to_owned());
        return;
    };
    if audit.result == AuditResult::Failed {
        let message = format!(
            "the audit of {} failed: settle its findings and audit again before rules build on these attributes",
            audit.at
        );
        note(Reason::AuditFailed, "spec.audit.result", message);
    }
    let at = audit.at.timestamp();
    if at > model.at {
        let message = format!(
            "the audit is dated {}, which is still to come: correct the date",
            audit.at
        );
        note(Reason::AuditInFuture, "spec.audit.at", message);
    } else if let Some(most) = &ruling.rule.max_age
        && at.checked_add(most.duration()).is_ok_and(|end| end <= model.at)
    {
        let message = format!(
            "the audit of {} is older than {most}: audit the attributes again",
            audit.at
        );
        note(Reason::AuditAged, "spec.audit.at", message);
    }
    let Some(covers) = &audit.covers else { return };
    for (index, attribute) in contract.spec.attributes.iter().enumerate() {
        let attribute = attribute.name.as_str();
        let is_covered = covers.iter().any(|one| one.as_str() == attribute);
        if let Some(reader) = model.uses.readers(attribute).first().filter(|_| !is_covered) {
            let message = format!(
                "the audit does not cover `{attribute}`, which {} reads: audit it, or do not read it",
                called(reader)
            );
            let field = format!("spec.attributes[{index}]");
            facts.note(
                ruling,
                Fact::new(object.clone(), Reason::AuditMissing, field, message),
            );
        }
    }
}

/// What reads an attribute, as a message calls it.
fn called(reader: &Reader) -> String {
    match reader {
        Reader::Audience(name) => format!("audience `{name}`"),
        Reader::Candidate { binding, index, part } => {
            format!("`{part}` of candidate {index} of binding `{binding}`")
        }
    }
}

/// Nobody reads what is sensitive; where that is enforced, rules that do leave every bundle.
fn sensitive(model: &Model<'_>, ruling: &Ruling<'_, PlainRule>, facts: &mut Facts, report: &mut Report) {
    for (name, readers, contract, _, attribute) in used(model) {
        if attribute.sensitivity != Sensitivity::Sensitive {
            continue;
        }
        if ruling.is_enforced() {
            report.stops.attribute(name);
        }
        for reader in readers {
            let message = format!(
                "reads `{name}`, which contract `{contract}` marks as Sensitive: choose a rule that does not depend on it"
            );
            let object = reader.object(model.snapshot);
            let fact = Fact::new(object, Reason::SensitiveAttribute, reader.field(), message);
            facts.note(ruling, fact.about(name));
        }
    }
    // What no present rule reads may stand in a form that is carried over.
    if ruling.is_enforced() {
        let declared = model.attributes.by_name.iter();
        let all = declared.filter(|(_, declared)| declared.attribute.sensitive);
        all.for_each(|(name, _)| report.stops.attribute(name));
    }
}

/// Rules read an attribute only for programs of its purpose; what everybody grants is for all.
fn purposes(model: &Model<'_>, ruling: &Ruling<'_, PlainRule>, facts: &mut Facts, report: &mut Report) {
    for (name, readers, _, _, attribute) in used(model) {
        let purpose = attribute.purpose.as_str();
        if purpose == ALWAYS_GRANTED {
            continue;
        }
        for reader in readers {
            let programs: BTreeSet<_> = reader.programs(model).collect();
            for program in programs {
                let Some(declared) = model.snapshot.programs.get(program) else {
                    continue;
                };
                let own = declared.spec.purpose.as_str();
                if own == purpose {
                    continue;
                }
                let message = format!(
                    "reads `{name}`, which is for purpose `{purpose}`, and program `{program}` is for `{own}`: choose a rule \
                     that does not depend on it, or ask people for that purpose in a program of its own"
                );
                let object = reader.object(model.snapshot);
                let fact = Fact::new(object, Reason::PurposeMismatch, reader.field(), message);
                facts.note(ruling, fact.about(format!("{name} {program}")));
            }
        }
    }
    if ruling.is_enforced() {
        stop_purposes(model, report);
    }
}

/// Every attribute that is of another purpose than a program, also those that only a carried form reads.
fn stop_purposes(model: &Model<'_>, report: &mut Report) {
    for (name, program) in &model.snapshot.programs {
        let own = program.spec.purpose.as_str();
        let declared = model.attributes.by_name.iter();
        let others = declared.filter(|(_, declared)| {
            let purpose = declared.attribute.purpose.as_str();
            purpose != own && purpose != ALWAYS_GRANTED
        });
        others.for_each(|(attribute, _)| report.stops.attribute_of(name, attribute));
    }
}

/// A channel on which nobody can grant a program's purpose serves it to nobody.
fn consent(model: &Model<'_>, ruling: &Ruling<'_, PlainRule>, facts: &mut Facts) {
    let snapshot = model.snapshot;
    for (name, binding) in &snapshot.bindings {
        let program = snapshot.programs.get(binding.spec.program_ref.name.as_str());
        let channel = snapshot.channels.get(binding.spec.channel_ref.name.as_str());
        let (Some(program), Some(channel)) = (program, channel) else {
            continue;
        };
        let purpose = program.spec.purpose.as_str();
        let identity = channel.spec.identity.as_ref();
        let tells = identity.is_some_and(|identity| identity.consent.is_some());
        if purpose != ALWAYS_GRANTED && !tells {
            let message = format!(
                "channel `{}` has no `identity.consent`, so that nobody there can have consented to `{purpose}` and nobody is \
                 personalized: name the attribute that carries the consent",
                binding.spec.channel_ref.name
            );
            let object = snapshot.id(Kind::ChannelBinding, name);
            let fact = Fact::new(object, Reason::ConsentMissing, "spec.channelRef.name", message);
            facts.note(ruling, fact);
        }
    }
}

/// What is known about persons and no rule uses is not asked for.
fn unused(model: &Model<'_>, ruling: &Ruling<'_, AttributesRule>, facts: &mut Facts) {
    let needed = needed_by_channels(model);
    for (name, contract) in &model.snapshot.contracts {
        let attributes = &contract.spec.attributes;
        let times: BTreeSet<_> = attributes.iter().filter_map(|one| one.as_of.as_ref()).collect();
        for (index, attribute) in attributes.iter().enumerate() {
            let is_used = !model.uses.readers(attribute.name.as_str()).is_empty()
                || needed.contains(attribute.name.as_str())
                || times.contains(&attribute.name);
            if attribute.sensitivity == Sensitivity::None || is_used {
                continue;
            }
            let message = format!(
                "no rule uses `{}`, which says something about persons: remove it from the contract, and do not send it",
                attribute.name
            );
            let object = model.snapshot.id(Kind::DataContract, name);
            let field = format!("spec.attributes[{index}]");
            facts.note(ruling, Fact::new(object, Reason::UnusedAttribute, field, message));
        }
    }
}

/// Attributes that channels know units, consent, locales and time zones by.
fn needed_by_channels<'m>(model: &'m Model<'_>) -> BTreeSet<&'m str> {
    let identities = model
        .snapshot
        .channels
        .values()
        .filter_map(|one| one.spec.identity.as_ref());
    identities
        .flat_map(|identity| {
            [
                Some(identity.unit()),
                identity.fallback.as_ref().map(AttributeName::as_str),
                identity.consent.as_ref().map(AttributeName::as_str),
                identity.locale.as_ref().map(AttributeName::as_str),
                identity.time_zone.as_ref().map(AttributeName::as_str),
            ]
        })
        .flatten()
        .collect()
}

/// Rules do not ask for values that a policy keeps out of them.
fn forbidden(model: &Model<'_>, ruling: &Ruling<'_, AttributesRule>, facts: &mut Facts) {
    let forbidden: BTreeMap<&str, BTreeSet<&str>> = ruling
        .rule
        .forbidden_values
        .iter()
        .map(|(name, values)| (name.as_str(), values.0.iter().map(String::as_str).collect()))
        .collect();
    for (attribute, values) in &forbidden {
        for reader in model.uses.readers(attribute) {
            let Some(rule) = reader.rule(model) else { continue };
            let asked = rule.expression.texts().find(|text| values.contains(text));
            if let Some(value) = asked {
                let message = format!(
                    "asks whether `{attribute}` is `{value}`, which no rule may: choose a rule that does not depend on it"
                );
                let object = reader.object(model.snapshot);
                let fact = Fact::new(object, Reason::ForbiddenValue, reader.field(), message);
                facts.note(ruling, fact.about(*attribute));
            }
        }
    }
}
