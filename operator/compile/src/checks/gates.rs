//! What a policy has against an object keeps new forms of whatever needs it from being programmed.

use std::collections::BTreeSet;

use attune_api::conditions::Reason;
use attune_api::{ChannelBinding, Experiment, Kind};
use attune_core::bundle::Rule;

use crate::Model;
use crate::finding::{Finding, ObjectId};
use crate::report::Report;
use crate::rules::CandidateRules;

#[cfg(test)]
mod tests;

/// Tells bindings and experiments what they need that is gated; what serves stays.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let snapshot = model.snapshot;
    let gates = Gates::of(model, report);
    // Most namespaces have nothing gated, and then nothing is to be followed.
    if gates.objects.is_empty() && gates.attributes.is_empty() {
        return;
    }
    for (name, binding) in &snapshot.bindings {
        let needs = needs_of_binding(model, &gates, (name, binding));
        tell(&snapshot.id(Kind::ChannelBinding, name), needs, &gates, report);
    }
    for (name, experiment) in &snapshot.experiments {
        let needs = needs_of_experiment(model, experiment);
        tell(&snapshot.id(Kind::Experiment, name), needs, &gates, report);
    }
}

fn tell(object: &ObjectId, needs: Vec<(ObjectId, String)>, gates: &Gates, report: &mut Report) {
    let mut told = BTreeSet::new();
    for (need, field) in needs {
        // Contracts were looked at by attribute.
        let is_gated = need.kind == Kind::DataContract || gates.objects.contains(&need);
        let is_told = |finding: &Finding| finding.reason == Reason::Gated && finding.field == field;
        if is_gated && told.insert(need.clone()) && !report.about(object).any(is_told) {
            let message = format!(
                "{} `{}` breaks a rule that a policy enforces: see its findings",
                need.kind, need.name
            );
            report.consequence(object, Reason::Gated, field, message);
        }
    }
}

/// What a binding needs, with the field that says so.
fn needs_of_binding(
    model: &Model<'_>,
    gates: &Gates,
    (name, binding): (&str, &ChannelBinding),
) -> Vec<(ObjectId, String)> {
    let snapshot = model.snapshot;
    let spec = &binding.spec;
    let mut needs = vec![(
        snapshot.id(Kind::Program, spec.program_ref.name.as_str()),
        "spec.programRef.name".to_owned(),
    )];
    for (index, candidate) in spec.candidates.iter().enumerate() {
        let field = format!("spec.candidates[{index}]");
        needs.push((
            snapshot.id(Kind::ContentModule, candidate.module_ref.name.as_str()),
            format!("{field}.moduleRef.name"),
        ));
        for (place, audience) in candidate.audiences.iter().enumerate() {
            let field = format!("{field}.audiences[{place}]");
            needs.push((snapshot.id(Kind::Audience, audience.as_str()), field.clone()));
            let rule = model.rules.audiences.get(audience.as_str());
            needs.extend(contracts(model, gates, rule).map(|contract| (contract, field.clone())));
        }
        let rules = model.rules.candidates.get(&(name.to_owned(), index));
        for (part, rule) in rules.into_iter().flat_map(CandidateRules::each) {
            let field = format!("{field}.{part}");
            needs.extend(contracts(model, gates, Some(rule)).map(|contract| (contract, field.clone())));
        }
    }
    needs
}

fn needs_of_experiment(model: &Model<'_>, experiment: &Experiment) -> Vec<(ObjectId, String)> {
    let snapshot = model.snapshot;
    let spec = &experiment.spec;
    let program = snapshot.id(Kind::Program, spec.program_ref.name.as_str());
    let arms = spec.arms.iter().enumerate().filter_map(|(index, arm)| {
        let module = arm.effect.module_ref()?;
        let field = format!("spec.arms[{index}].effect.moduleRef.name");
        Some((snapshot.id(Kind::ContentModule, module.name.as_str()), field))
    });
    std::iter::once((program, "spec.programRef.name".to_owned()))
        .chain(arms)
        .collect()
}

/// The contracts of the attributes that a rule reads, where something is held against all of them or against one that
/// the rule reads.
fn contracts<'m>(
    model: &'m Model<'_>,
    gates: &'m Gates,
    rule: Option<&'m Rule>,
) -> impl Iterator<Item = ObjectId> + 'm {
    let read = rule.into_iter().flat_map(|rule| rule.expression.attributes());
    read.filter_map(|name| {
        let contract = model
            .snapshot
            .id(Kind::DataContract, &model.attributes.by_name.get(name)?.contract);
        let is_gated = gates.attributes.contains(name) || gates.objects.contains(&contract);
        is_gated.then_some(contract)
    })
}

/// What is gated.
#[derive(Default)]
struct Gates {
    objects: BTreeSet<ObjectId>,
    /// Attributes that something is held against, where nothing is against the rest of their contract.
    attributes: BTreeSet<String>,
}

impl Gates {
    fn of(model: &Model<'_>, report: &Report) -> Self {
        let mut gates = Self::default();
        for finding in report.all_gates() {
            let id = &finding.object;
            match attribute(model, id, &finding.field) {
                Some(attribute) => drop(gates.attributes.insert(attribute)),
                None => drop(gates.objects.insert(id.clone())),
            }
        }
        gates
    }
}

/// The attribute that a field of a contract describes.
fn attribute(model: &Model<'_>, id: &ObjectId, field: &str) -> Option<String> {
    let contract = model
        .snapshot
        .contracts
        .get(&id.name)
        .filter(|_| id.kind == Kind::DataContract)?;
    let (index, _) = field.strip_prefix("spec.attributes[")?.split_once(']')?;
    let attribute = contract.spec.attributes.get(index.parse::<usize>().ok()?)?;
    Some(attribute.name.as_str().to_owned())
}
