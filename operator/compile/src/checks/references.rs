//! Every name points at something that exists and is sound.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use attune_api::conditions::Reason;
use attune_api::experiment::Effect;
use attune_api::{ChannelBinding, Experiment, Kind, Program};

use crate::Model;
use crate::evidence::Evidence;
use crate::finding::{Finding, ObjectId, Severity};
use crate::report::Report;

mod shown;
#[cfg(test)]
mod tests;

/// Looks up every reference of the namespace.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    for (name, channel) in &model.snapshot.channels {
        let mut refs = Refs::new(model, report, Kind::Channel, name);
        for (index, touchpoint) in channel.spec.touchpoints.iter().enumerate() {
            if let Some(baseline) = &touchpoint.baseline {
                let module = &baseline.module_ref.name;
                refs.module(
                    module,
                    format_args!("spec.touchpoints[{index}].baseline.moduleRef.name"),
                );
            }
        }
    }
    for (name, module) in &model.snapshot.modules {
        let mut refs = Refs::new(model, report, Kind::ContentModule, name);
        for (index, variant) in module.spec.variants.iter().enumerate() {
            for (place, audience) in variant.audiences.iter().enumerate() {
                refs.audience(
                    audience,
                    format_args!("spec.variants[{index}].audiences[{place}]"),
                );
            }
            for (place, channel) in variant.channels.iter().enumerate() {
                refs.channel(channel, format_args!("spec.variants[{index}].channels[{place}]"));
            }
        }
    }
    for (name, program) in &model.snapshot.programs {
        check_program(&mut Refs::new(model, report, Kind::Program, name), program);
    }
    for (name, binding) in &model.snapshot.bindings {
        check_binding(
            model,
            &mut Refs::new(model, report, Kind::ChannelBinding, name),
            binding,
        );
    }
    for (name, experiment) in &model.snapshot.experiments {
        check_experiment(
            model,
            &mut Refs::new(model, report, Kind::Experiment, name),
            experiment,
        );
    }
    shown::check(model, report);
}

fn check_program(refs: &mut Refs<'_, '_>, program: &Program) {
    refs.metric(
        &program.spec.kpi.metric_ref.name,
        format_args!("spec.kpi.metricRef.name"),
    );
    for (index, guardrail) in program.spec.guardrails.iter().enumerate() {
        refs.metric(
            &guardrail.metric_ref.name,
            format_args!("spec.guardrails[{index}].metricRef.name"),
        );
    }
    for (index, audience) in program.spec.audiences.iter().enumerate() {
        refs.audience(audience, format_args!("spec.audiences[{index}]"));
    }
    if let Some(holdout) = &program.spec.holdout_ref {
        refs.holdout(&holdout.name, format_args!("spec.holdoutRef.name"));
    }
    for (index, waiver) in program
        .spec
        .coverage
        .iter()
        .flat_map(|coverage| &coverage.waivers)
        .enumerate()
    {
        let field = format!("spec.coverage.waivers[{index}]");
        refs.audience(&waiver.audience, format_args!("{field}.audience"));
        if let Some(channel) = refs.channel(&waiver.channel, format_args!("{field}.channel")) {
            refs.touchpoint(
                &channel,
                &waiver.channel,
                &waiver.touchpoint,
                format_args!("{field}.touchpoint"),
            );
        }
    }
}

fn check_binding(model: &Model<'_>, refs: &mut Refs<'_, '_>, binding: &ChannelBinding) {
    let spec = &binding.spec;
    refs.program(&spec.program_ref.name, format_args!("spec.programRef.name"));
    if let Some(channel) = refs.channel(&spec.channel_ref.name, format_args!("spec.channelRef.name")) {
        refs.touchpoint(
            &channel,
            &spec.channel_ref.name,
            &spec.touchpoint,
            format_args!("spec.touchpoint"),
        );
    }
    let program = model.snapshot.programs.get(spec.program_ref.name.as_str());
    for (index, candidate) in spec.candidates.iter().enumerate() {
        refs.module(
            &candidate.module_ref.name,
            format_args!("spec.candidates[{index}].moduleRef.name"),
        );
        for (place, audience) in candidate.audiences.iter().enumerate() {
            refs.audience(
                audience,
                format_args!("spec.candidates[{index}].audiences[{place}]"),
            );
            if program.is_some_and(|program| !program.spec.audiences.contains(audience)) {
                let program = &spec.program_ref.name;
                let message = format!(
                    "program `{program}` does not address `{audience}`: add it to the program's audiences"
                );
                let field = format!("spec.candidates[{index}].audiences[{place}]");
                refs.report
                    .warning(&refs.object, Reason::AudienceNotInProgram, field, message);
            }
        }
    }
    if let Some(evidence) = spec
        .rollout
        .as_ref()
        .and_then(|rollout| rollout.evidence.as_ref())
    {
        let name = &evidence.experiment_ref.name;
        // One that is deleted has left its verdict.
        let is_known = |known: &BTreeMap<String, Evidence>| known.contains_key(name.as_str());
        if !model.evidence.as_ref().is_some_and(is_known) {
            refs.experiment(name, format_args!("spec.rollout.evidence.experimentRef.name"));
        }
    }
}

fn check_experiment(model: &Model<'_>, refs: &mut Refs<'_, '_>, experiment: &Experiment) {
    let spec = &experiment.spec;
    refs.program(&spec.program_ref.name, format_args!("spec.programRef.name"));
    for (index, name) in spec.bindings.iter().enumerate() {
        let field = format!("spec.bindings[{index}]");
        if let Some(binding) = refs.binding(name, format_args!("{field}")) {
            check_split(model, refs, experiment, (name, &binding), &field);
        }
    }
    for (index, audience) in spec.audiences.iter().enumerate() {
        refs.audience(audience, format_args!("spec.audiences[{index}]"));
    }
    for (index, arm) in spec.arms.iter().enumerate() {
        let field = format!("spec.arms[{index}].effect");
        let module = arm
            .effect
            .module_ref()
            .and_then(|module| refs.module(&module.name, format_args!("{field}.moduleRef.name")));
        if let (Some(module), Effect::Variant { module_ref, name }) = (module, &arm.effect)
            && !module.spec.variants.iter().any(|variant| variant.name == *name)
        {
            let known: Vec<_> = module
                .spec
                .variants
                .iter()
                .map(|variant| variant.name.as_str())
                .collect();
            let owner = format!("module `{}`", module_ref.name);
            refs.unknown(
                Reason::VariantNotFound,
                format_args!("{field}.name"),
                "variant",
                name,
                &owner,
                &known,
            );
        }
    }
    let analysis = &spec.analysis;
    refs.metric(&analysis.primary, format_args!("spec.analysis.primary"));
    for (list, names) in [
        ("guardrails", &analysis.guardrails),
        ("secondary", &analysis.secondary),
    ] {
        for (index, metric) in names.iter().enumerate() {
            refs.metric(metric, format_args!("spec.analysis.{list}[{index}]"));
        }
    }
    if let Some(covariate) = &analysis.covariate {
        refs.metric(&covariate.metric, format_args!("spec.analysis.covariate.metric"));
    }
    for (index, rule) in analysis.exclude.iter().enumerate() {
        refs.metric(
            &rule.metric,
            format_args!("spec.analysis.exclude[{index}].metric"),
        );
    }
    check_margins(model, refs, experiment);
}

/// The binding belongs to the experiment's program, and its channel knows the unit by the same attribute.
fn check_split(
    model: &Model<'_>,
    refs: &mut Refs<'_, '_>,
    experiment: &Experiment,
    (name, binding): (&str, &ChannelBinding),
    field: &str,
) {
    let spec = &experiment.spec;
    // A program that is not there was told already.
    let known = model
        .snapshot
        .programs
        .contains_key(spec.program_ref.name.as_str());
    if known && binding.spec.program_ref != spec.program_ref {
        let message = format!(
            "the binding belongs to program `{}`, the experiment to `{}`: let an experiment split bindings of its own program",
            binding.spec.program_ref.name, spec.program_ref.name
        );
        refs.report
            .error(&refs.object, Reason::ProgramMismatch, field, message);
    }
    let Some(channel) = model
        .snapshot
        .channels
        .get(binding.spec.channel_ref.name.as_str())
    else {
        return;
    };
    let unit = channel
        .spec
        .identity
        .as_ref()
        .map_or(attune_api::channel::Identity::DEFAULT_UNIT, |identity| {
            identity.unit()
        });
    if unit != spec.unit() {
        let message = format!(
            "channel `{}` of binding `{name}` knows units by `{unit}`, the experiment by `{}`: use the channel's",
            binding.spec.channel_ref.name,
            spec.unit()
        );
        refs.report
            .error(&refs.object, Reason::InvalidField, "spec.unit", message);
    }
}

/// A guardrail is judged by the margin that the program registered for it.
fn check_margins(model: &Model<'_>, refs: &mut Refs<'_, '_>, experiment: &Experiment) {
    let Some(program) = model
        .snapshot
        .programs
        .get(experiment.spec.program_ref.name.as_str())
    else {
        return;
    };
    for (index, metric) in experiment.spec.analysis.guardrails.iter().enumerate() {
        if !program
            .spec
            .guardrails
            .iter()
            .any(|guardrail| guardrail.metric_ref.name == *metric)
        {
            let message = format!(
                "program `{}` has no guardrail `{metric}`, so that there is no margin to hold it to: add it to the program's guardrails",
                experiment.spec.program_ref.name
            );
            let field = format!("spec.analysis.guardrails[{index}]");
            refs.report
                .error(&refs.object, Reason::RefNotFound, field, message);
        }
    }
}

/// The references of one object.
struct Refs<'m, 'r> {
    model: &'m Model<'m>,
    report: &'r mut Report,
    object: ObjectId,
}

macro_rules! lookups {
    ($($verb:ident: $kind:ident in $objects:ident, $noun:literal;)*) => {
        $(
            #[doc = concat!("Looks up the ", $noun, " that a field names.")]
            fn $verb(&mut self, name: &str, field: fmt::Arguments<'_>) -> Option<Arc<attune_api::$kind>> {
                self.look_up(Kind::$kind, $noun, &self.model.snapshot.$objects, name, field)
            }
        )*
    };
}

impl<'m, 'r> Refs<'m, 'r> {
    fn new(model: &'m Model<'m>, report: &'r mut Report, kind: Kind, name: &str) -> Self {
        Self {
            model,
            report,
            object: model.snapshot.id(kind, name),
        }
    }

    lookups! {
        program: Program in programs, "program";
        audience: Audience in audiences, "audience";
        module: ContentModule in modules, "content module";
        channel: Channel in channels, "channel";
        binding: ChannelBinding in bindings, "channel binding";
        metric: Metric in metrics, "metric";
        experiment: Experiment in experiments, "experiment";
        holdout: Holdout in holdouts, "holdout";
    }

    fn look_up<T>(
        &mut self,
        kind: Kind,
        noun: &str,
        objects: &BTreeMap<String, Arc<T>>,
        name: &str,
        field: fmt::Arguments<'_>,
    ) -> Option<Arc<T>> {
        let Some(object) = objects.get(name) else {
            if self.model.snapshot.is_unreadable(kind, name) {
                let message = format!("{noun} `{name}` cannot be read: see its status");
                self.report
                    .consequence(&self.object, Reason::RefInvalid, field.to_string(), message);
                return None;
            }
            let known: Vec<_> = objects.keys().map(String::as_str).collect();
            let owner = format!("namespace `{}`", self.model.snapshot.namespace);
            self.unknown(Reason::RefNotFound, field, noun, name, &owner, &known);
            return None;
        };
        if !self.report.is_usable((kind, name)) {
            let message = format!("{noun} `{name}` is not sound: see its findings");
            self.report
                .consequence(&self.object, Reason::RefInvalid, field.to_string(), message);
        }
        Some(Arc::clone(object))
    }

    fn touchpoint(
        &mut self,
        channel: &attune_api::Channel,
        channel_name: &str,
        name: &str,
        field: fmt::Arguments<'_>,
    ) {
        let known: Vec<_> = channel
            .spec
            .touchpoints
            .iter()
            .map(|touchpoint| touchpoint.name.as_str())
            .collect();
        if !known.contains(&name) {
            let owner = format!("channel `{channel_name}`");
            self.unknown(
                Reason::TouchpointNotFound,
                field,
                "touchpoint",
                name,
                &owner,
                &known,
            );
        }
    }

    fn unknown(
        &mut self,
        reason: Reason,
        field: fmt::Arguments<'_>,
        noun: &str,
        name: &str,
        owner: &str,
        known: &[&str],
    ) {
        let message = format!("{owner} has no {noun} `{name}`: create it or correct the name");
        self.report.add(Finding {
            object: self.object.clone(),
            severity: Severity::Error,
            reason,
            field: field.to_string(),
            message,
            offset: None,
            suggestion: closest(name, known).map(str::to_owned),
        });
    }
}

/// The known name that a misspelt one most likely stands for: at most a third of its letters differ.
pub(super) fn closest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let (distance, best) = known
        .iter()
        .map(|other| (strsim::damerau_levenshtein(name, other), *other))
        .min()?;
    (distance <= name.chars().count().max(3) / 3).then_some(best)
}
