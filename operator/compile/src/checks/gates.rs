//! What a policy has against an object keeps new forms of whatever needs it from being programmed.

use std::collections::BTreeSet;

use attune_api::conditions::Reason;
use attune_api::{ChannelBinding, Experiment, Kind};

use crate::Model;
use crate::finding::{Finding, ObjectId};
use crate::report::Report;

/// Tells bindings and experiments what they need that is gated; what serves stays.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let snapshot = model.snapshot;
    let all = snapshot.ids();
    // Most namespaces have nothing gated, and then nothing is to be followed.
    let gated: BTreeSet<ObjectId> = all.into_iter().filter(|id| report.is_gated(id)).collect();
    if gated.is_empty() {
        return;
    }
    for (name, binding) in &snapshot.bindings {
        let needs = needs_of_binding(model, name, binding);
        tell(&snapshot.id(Kind::ChannelBinding, name), needs, &gated, report);
    }
    for (name, experiment) in &snapshot.experiments {
        let needs = needs_of_experiment(model, experiment);
        tell(&snapshot.id(Kind::Experiment, name), needs, &gated, report);
    }
}

fn tell(object: &ObjectId, needs: Vec<(ObjectId, String)>, gated: &BTreeSet<ObjectId>, report: &mut Report) {
    let mut told = BTreeSet::new();
    for (need, field) in needs {
        let is_told = |finding: &Finding| finding.reason == Reason::Gated && finding.field == field;
        if gated.contains(&need) && told.insert(need.clone()) && !report.about(object).any(is_told) {
            let message = format!(
                "{} `{}` breaks a rule that a policy enforces: see its findings",
                need.kind, need.name
            );
            report.consequence(object, Reason::Gated, field, message);
        }
    }
}

/// What a binding needs, with the field that says so.
fn needs_of_binding(model: &Model<'_>, name: &str, binding: &ChannelBinding) -> Vec<(ObjectId, String)> {
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
            needs.extend(contracts(model, rule).map(|contract| (contract, field.clone())));
        }
        let rules = model.rules.candidates.get(&(name.to_owned(), index));
        for (part, rule) in rules
            .into_iter()
            .flat_map(|rules| [("when", &rules.when), ("score", &rules.score)])
        {
            let field = format!("{field}.{part}");
            needs.extend(contracts(model, rule.as_ref()).map(|contract| (contract, field.clone())));
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

/// The contracts of the attributes that a rule reads.
fn contracts<'m>(
    model: &'m Model<'_>,
    rule: Option<&'m attune_core::bundle::Rule>,
) -> impl Iterator<Item = ObjectId> + 'm {
    let read = rule.into_iter().flat_map(|rule| rule.expression.attributes());
    let declared = read.filter_map(|name| model.attributes.by_name.get(name));
    declared.map(|declared| model.snapshot.id(Kind::DataContract, &declared.contract))
}
