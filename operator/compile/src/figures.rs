//! The figures of a status that follow from the resources alone.

use std::collections::BTreeMap;

use attune_api::channel_binding::{ChannelBindingSpec, ChannelBindingStatus, CitedEvidence};
use attune_api::content_module::VariantFigures;
use attune_api::delivery::Delivery;
use attune_api::experiment::{Arm, ArmFigures, ExperimentState};
use attune_api::labels::service_name;
use attune_api::{
    AudienceStatus, ChannelStatus, ContentModuleStatus, Experiment, ExperimentStatus, GovernancePolicyStatus,
    HoldoutStatus, Instant, Kind, ProgramStatus,
};
use attune_core::bundle::{Bundle, ExperimentMode};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::checks::content::needs_approval;
use crate::evidence::shown;
use crate::finding::ObjectId;
use crate::live::LiveRules;
use crate::policy::selects;
use crate::strategy::{Strategy, count};
use crate::{Model, Publication};

mod users;

pub(crate) use users::Users;

/// All of a share, in basis points.
const ALL: u64 = 10_000;

/// Where a pod finds its own decider.
const SIDECAR_ENDPOINT: &str = "http://127.0.0.1:8016";

/// The figures of one object, as its status has them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Figures {
    None,
    Program(Box<ProgramStatus>),
    Audience(AudienceStatus),
    Module(ContentModuleStatus),
    Channel(Box<ChannelStatus>),
    Binding(Box<ChannelBindingStatus>),
    Experiment(Box<ExperimentStatus>),
    Holdout(Box<HoldoutStatus>),
    Policy(GovernancePolicyStatus),
}

impl Figures {
    /// As fields of a status.
    pub(crate) fn fields(&self) -> Map<String, Value> {
        match self {
            Self::None => Map::new(),
            Self::Program(status) => fields(status),
            Self::Audience(status) => fields(status),
            Self::Module(status) => fields(status),
            Self::Channel(status) => fields(status),
            Self::Binding(status) => fields(status),
            Self::Experiment(status) => fields(status),
            Self::Holdout(status) => fields(status),
            Self::Policy(status) => fields(status),
        }
    }
}

/// The figures of one object.
pub(crate) fn of(
    model: &Model<'_>,
    channels: &BTreeMap<String, Publication>,
    strategy: &Strategy<'_>,
    users: &Users<'_>,
    id: &ObjectId,
) -> Figures {
    let rules = &strategy.rules;
    let bundles = || channels.values().map(|publication| publication.bundle.as_ref());
    match id.kind {
        Kind::Program => Figures::Program(program(model, strategy, &id.name).into()),
        Kind::Audience => Figures::Audience(audience(model, users, &id.name)),
        Kind::ContentModule => Figures::Module(module(model, users, &id.name)),
        Kind::Channel => Figures::Channel(Box::new(ChannelStatus {
            endpoint: endpoint(model, &id.name),
            revision: channels
                .get(&id.name)
                .map(|publication| publication.revision.clone()),
            declared_rules: Some(count(rules.of_channel(&id.name).declared)),
            live_rules: Some(count(rules.of_channel(&id.name).live)),
            ..ChannelStatus::default()
        })),
        Kind::ChannelBinding => binding(model, channels, rules, &id.name)
            .map_or(Figures::None, |status| Figures::Binding(status.into())),
        Kind::Experiment => model
            .snapshot
            .experiments
            .get(&id.name)
            .map_or(Figures::None, |one| {
                Figures::Experiment(experiment(model, channels, &id.name, one).into())
            }),
        Kind::Holdout => Figures::Holdout(Box::new(HoldoutStatus {
            programs: Some(count(held_programs(bundles(), &id.name))),
            ..HoldoutStatus::default()
        })),
        Kind::GovernancePolicy => policy(model, &id.name).map_or(Figures::None, Figures::Policy),
        Kind::DataContract | Kind::Metric => Figures::None,
    }
}

/// How many namespaces a policy rules, where that is known: in the snapshot of the cluster's own objects.
fn policy(model: &Model<'_>, name: &str) -> Option<GovernancePolicyStatus> {
    let snapshot = model.snapshot;
    let policy = snapshot
        .policies
        .get(name)
        .filter(|_| snapshot.namespace.is_empty())?;
    let ruled = snapshot
        .namespaces
        .values()
        .filter(|labels| selects(policy, labels));
    Some(GovernancePolicyStatus {
        namespaces: Some(count(ruled.count())),
        ..GovernancePolicyStatus::default()
    })
}

/// Where the Channel's clients ask.
fn endpoint(model: &Model<'_>, channel: &str) -> Option<String> {
    match &model.snapshot.channels.get(channel)?.spec.delivery {
        Delivery::Sidecar(_) => Some(SIDECAR_ENDPOINT.to_owned()),
        Delivery::Service(delivery) => {
            let (service, namespace) = (service_name(channel), &model.snapshot.namespace);
            let scheme = if delivery.is_tls() { "https" } else { "http" };
            Some(format!("{scheme}://{service}.{namespace}.svc"))
        }
        Delivery::Push(_) | Delivery::ConfigMap(_) | Delivery::Batch(_) => None,
    }
}

fn program(model: &Model<'_>, strategy: &Strategy<'_>, name: &str) -> ProgramStatus {
    let rules = strategy.rules.of_program(name);
    ProgramStatus {
        declared_rules: Some(count(rules.declared)),
        live_rules: Some(count(rules.live)),
        coverage: strategy
            .coverage(name)
            .map(|coverage| coverage.figures(model.snapshot)),
        content_debt: strategy.content_debt(model, name),
        ..ProgramStatus::default()
    }
}

fn audience(model: &Model<'_>, users: &Users<'_>, name: &str) -> AudienceStatus {
    AudienceStatus {
        used_by: Some(users.of_audience(name)),
        rule_hash: model.rules.hashes.get(name).map(|hash| hash.as_ref().to_owned()),
        ..AudienceStatus::default()
    }
}

fn module(model: &Model<'_>, users: &Users<'_>, name: &str) -> ContentModuleStatus {
    let Some(module) = model.snapshot.modules.get(name) else {
        return ContentModuleStatus::default();
    };
    let variants = &module.spec.variants;
    let ended = |until: &Instant| until.timestamp() <= model.at;
    let begun = |from: &Instant| from.timestamp() <= model.at;
    let validity =
        |variant: &attune_api::content_module::Variant| variant.validity.clone().unwrap_or_default();
    let expired = variants
        .iter()
        .filter(|variant| validity(variant).until.as_ref().is_some_and(ended))
        .count();
    let live = variants.iter().filter(|variant| {
        let validity = validity(variant);
        validity.from.as_ref().is_none_or(begun) && !validity.until.as_ref().is_some_and(ended)
    });
    ContentModuleStatus {
        variants: Some(VariantFigures {
            live: count(live.count()),
            expired: count(expired),
            unapproved: count(
                variants
                    .iter()
                    .filter(|variant| variant.approval.is_none() && needs_approval(module, variant))
                    .count(),
            ),
        }),
        touchpoints: users.places_of(name),
        ..ContentModuleStatus::default()
    }
}

fn binding(
    model: &Model<'_>,
    channels: &BTreeMap<String, Publication>,
    rules: &LiveRules,
    name: &str,
) -> Option<ChannelBindingStatus> {
    let binding = model.snapshot.bindings.get(name)?;
    let publication = channels.get(binding.spec.channel_ref.name.as_str());
    let published = publication.and_then(|publication| {
        publication
            .bundle
            .bindings
            .get(name)
            .map(|one| (publication, one))
    });
    let rules = rules.of_binding(name);
    Some(ChannelBindingStatus {
        revision: published.map(|(publication, _)| publication.revision.clone()),
        declared_rules: Some(count(rules.declared)),
        live_rules: Some(count(rules.live)),
        effective_traffic_bp: published
            .map(|(publication, one)| basis_points(reached(&publication.bundle, one))),
        evidence: cited(model, &binding.spec),
        ..ChannelBindingStatus::default()
    })
}

/// What the experiment that a binding cites has concluded with.
fn cited(model: &Model<'_>, binding: &ChannelBindingSpec) -> Option<CitedEvidence> {
    let evidence = binding.rollout.as_ref()?.evidence.as_ref()?;
    let experiment = &evidence.experiment_ref.name;
    let known = model.evidence.as_ref()?.get(experiment.as_str())?;
    Some(known.cited(experiment))
}

/// The share of units that a binding really reaches: its rollout, less what is held out.
fn reached(bundle: &Bundle, binding: &attune_core::bundle::Binding) -> u64 {
    let program = bundle.programs.get(&binding.program);
    let holdouts = program
        .into_iter()
        .flat_map(|program| &program.holdouts)
        .filter_map(|name| bundle.holdouts.get(name));
    holdouts.fold(u64::from(binding.rollout_bp), |share, holdout| {
        share * ALL.saturating_sub(u64::from(holdout.share_bp)) / ALL
    })
}

/// Each arm with the share of units that gets it: traffic, exclusion, rollout and holdouts taken together while it is
/// split, as written where no decider has it yet; with its binding's everybody where that has been decided.
fn experiment(
    model: &Model<'_>,
    channels: &BTreeMap<String, Publication>,
    name: &str,
    experiment: &Experiment,
) -> ExperimentStatus {
    let spec = &experiment.spec;
    let total: u64 = spec.arms.iter().map(|arm| arm.weight.get_u64()).sum();
    let width = spec.exclusion.as_ref().map_or(ALL, |range| {
        u64::from(range.to_bp.get_u32()).saturating_sub(u64::from(range.from_bp.get_u32()))
    });
    let published = spec.bindings.iter().filter_map(|binding| {
        let channel = &model
            .snapshot
            .bindings
            .get(binding.as_str())?
            .spec
            .channel_ref
            .name;
        let bundle = &channels.get(channel.as_str())?.bundle;
        let reach = reached(bundle, bundle.bindings.get(binding.as_str())?);
        Some((reach, bundle.experiments.get(name).map(|live| &live.mode)))
    });
    let published = published.max_by_key(|(reach, _)| *reach);
    let share = |arm: &Arm| {
        let (reach, mode) = published?;
        let everybody = |is_it: bool| if is_it { reach } else { 0 };
        Some(match mode {
            None | Some(ExperimentMode::Split) => {
                let enrolled = reach * u64::from(spec.traffic().get_u32()) / ALL * width / ALL;
                enrolled * arm.weight.get_u64() / total.max(1)
            }
            Some(ExperimentMode::Control) => everybody(arm.control),
            Some(ExperimentMode::Promoted { arm: promoted }) => everybody(arm.name.as_str() == promoted),
        })
    };
    let arms = spec.arms.iter().map(|arm| ArmFigures {
        name: arm.name.clone(),
        weight: arm.weight.get_i32(),
        effective_traffic_bp: share(arm).map(basis_points),
        exposed: None,
        crossed_over: None,
    });
    ExperimentStatus {
        shown: (spec.state != ExperimentState::Draft).then(|| shown(model.snapshot, name, experiment)),
        arms: arms.collect(),
        ..ExperimentStatus::default()
    }
}

fn held_programs<'b>(bundles: impl Iterator<Item = &'b Bundle>, holdout: &str) -> usize {
    let programs = bundles.flat_map(|bundle| &bundle.programs);
    let held = programs.filter(|(_, program)| program.holdouts.iter().any(|name| name == holdout));
    let names: std::collections::BTreeSet<_> = held.map(|(name, _)| name).collect();
    names.len()
}

/// A status as its fields, without those that every status has.
pub(crate) fn fields(status: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(status) {
        Ok(Value::Object(mut fields)) => {
            fields.remove("conditions");
            fields.remove("observedGeneration");
            fields
        }
        _ => Map::new(),
    }
}

fn basis_points(share: u64) -> i32 {
    i32::try_from(share).unwrap_or(i32::MAX)
}
