//! Resolving a bundle's names.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZoneDatabase;

use super::{
    Attribute, Audience, Binding, Engine, EngineError, Guards, Holdout, Module, PathNode, Program, PurposeIx,
    QuietHours, SERVICE, lineages,
};
use crate::bucket::Salt;
use crate::bundle::{self, Bundle};
use crate::expr::Program as Expression;
use crate::value::SlotId;
use crate::{pieces, plain};

mod experiment;
mod touchpoint;

use touchpoint::Known;

/// Resolves everything in `bundle`.
pub(super) fn load(bundle: Arc<Bundle>, revision: String) -> Result<Engine, EngineError> {
    let attributes_found = bundle.attributes.len();
    if u16::try_from(attributes_found).is_err() {
        return Err(EngineError::TooManyAttributes {
            found: attributes_found,
        });
    }
    let purposes = purposes(&bundle);
    let linker = Linker {
        bundle: &bundle,
        purposes: number(purposes.iter()),
        attributes: number(bundle.attributes.keys()),
        audiences: number(bundle.audiences.keys()),
        modules: number(bundle.modules.keys()),
        bindings: number(bundle.bindings.keys()),
        programs: number(bundle.programs.keys()),
        holdouts: number(bundle.holdouts.keys()),
    };
    let attributes = linker.attributes();
    let paths = linker.paths();
    let audiences = linker.audiences()?;
    let programs = linker.programs()?;
    let experiments = linker.experiments()?;
    let mut bindings = linker.bindings()?;
    for (place, binding) in bindings.iter_mut().enumerate() {
        let known = binding
            .experiments
            .iter()
            .filter_map(|index| experiments.get(*index));
        binding.shown_by_arms = known
            .flat_map(|experiment| experiment.modules_at(place))
            .collect();
    }
    let modules: Vec<_> = bundle
        .modules
        .values()
        .map(|module| {
            pieces::done();
            Module::new(module, &bundle.settings)
        })
        .collect();
    let known = Known {
        audiences: &audiences,
        modules: &modules,
        programs: &programs,
        bindings: &bindings,
        locales: lineages(&bundle.settings.locales, &bundle.settings.locale_fallback).len(),
    };
    let touchpoints = linker.touchpoints(&known)?;
    let holdouts = bundle
        .holdouts
        .iter()
        .map(|(name, holdout)| load_holdout(name, holdout))
        .collect();
    let quiet_hours = bundle
        .settings
        .quiet_hours
        .as_ref()
        .map(load_quiet_hours)
        .transpose()?;
    Ok(Engine {
        revision,
        is_plain: is_plain(&bundle),
        bundle,
        purposes,
        attributes,
        paths,
        guards: Guards::new(&audiences),
        audiences,
        modules,
        programs,
        holdouts,
        experiments,
        bindings,
        touchpoints,
        quiet_hours,
    })
}

/// Every purpose that the bundle speaks of; `service` first.
fn purposes(bundle: &Bundle) -> Vec<String> {
    let mut purposes = vec![SERVICE.to_owned()];
    let named = bundle.attributes.values().map(|attribute| &attribute.purpose);
    for purpose in named.chain(bundle.programs.values().map(|program| &program.purpose)) {
        if !purposes.contains(purpose) {
            purposes.push(purpose.clone());
        }
    }
    purposes
}

/// Whether no name that an answer may carry needs an escape in JSON; resources of the operator have no others.
fn is_plain(bundle: &Bundle) -> bool {
    let audiences = bundle.audiences.values().map(|audience| &audience.name);
    let modules = bundle.modules.values().flat_map(|module| {
        let variants = module.variants.iter().map(|variant| &variant.name);
        std::iter::once(&module.name).chain(variants)
    });
    let arms = bundle
        .experiments
        .values()
        .flat_map(|experiment| &experiment.arms);
    let mut names = bundle
        .touchpoints
        .keys()
        .chain(bundle.programs.keys())
        .chain(bundle.bindings.keys())
        .chain(bundle.holdouts.keys())
        .chain(bundle.experiments.keys())
        .chain(arms.map(|arm| &arm.name))
        .chain(audiences)
        .chain(modules);
    names.all(|name| plain::is_plain(name))
}

fn load_holdout(name: &str, holdout: &bundle::Holdout) -> Holdout {
    Holdout {
        name: name.to_owned(),
        salt: Salt::new(&holdout.salt),
        share_bp: holdout.share_bp,
        period: holdout.period,
    }
}

fn load_quiet_hours(quiet: &bundle::QuietHours) -> Result<QuietHours, EngineError> {
    let time_zone = TimeZoneDatabase::bundled()
        .get(&quiet.time_zone)
        .map_err(|_| EngineError::TimeZone {
            name: quiet.time_zone.clone(),
        })?;
    Ok(QuietHours {
        from_minute: quiet.from_minute,
        to_minute: quiet.to_minute,
        time_zone,
    })
}

/// The position of each name.
type Names<'a> = HashMap<&'a str, usize>;

fn number<'a>(names: impl Iterator<Item = &'a String>) -> Names<'a> {
    names.map(String::as_str).zip(0..).collect()
}

/// The position of `target`, which `field` names.
fn find(names: &Names<'_>, field: &str, target: &str) -> Result<usize, EngineError> {
    names.get(target).copied().ok_or_else(|| EngineError::Dangling {
        field: field.to_owned(),
        target: target.to_owned(),
    })
}

struct Linker<'a> {
    bundle: &'a Bundle,
    purposes: Names<'a>,
    attributes: Names<'a>,
    audiences: Names<'a>,
    modules: Names<'a>,
    bindings: Names<'a>,
    programs: Names<'a>,
    holdouts: Names<'a>,
}

impl Linker<'_> {
    fn purpose(&self, name: &str) -> PurposeIx {
        // INVARIANT: `purposes` holds every purpose of the bundle.
        self.purposes.get(name).copied().unwrap_or_default()
    }

    fn attributes(&self) -> Vec<Attribute> {
        self.bundle
            .attributes
            .iter()
            .map(|(name, attribute)| Attribute {
                name: name.clone(),
                ty: attribute.ty,
                values: attribute.values.clone(),
                purpose: self.purpose(&attribute.purpose),
                sensitive: attribute.sensitive,
            })
            .collect()
    }

    /// Attributes that the Channel's clients may not supply have a slot and no path: they are always absent.
    fn paths(&self) -> PathNode {
        let settings = &self.bundle.settings;
        let slots = self
            .bundle
            .attributes
            .keys()
            .zip(0..)
            .filter(|(name, _)| settings.supplies(name));
        PathNode::new(
            &settings.identity,
            slots.map(|(name, slot)| (name.as_str(), SlotId(slot))),
        )
    }

    fn audiences(&self) -> Result<Vec<Audience>, EngineError> {
        self.bundle
            .audiences
            .iter()
            .map(|(id, audience)| {
                let rule = self.expression(&format!("audiences.{id}"), &audience.rule)?;
                Ok(Audience {
                    name: audience.name.clone(),
                    source: audience.rule.source.clone(),
                    rule,
                })
            })
            .collect()
    }

    fn expression(&self, owner: &str, rule: &bundle::Rule) -> Result<Expression, EngineError> {
        pieces::done();
        let slot_of = |name: &str| {
            let place = self.attributes.get(name)?;
            u16::try_from(*place).ok().map(SlotId)
        };
        rule.expression.link(slot_of).map_err(|source| EngineError::Link {
            owner: owner.to_owned(),
            source,
        })
    }

    fn programs(&self) -> Result<Vec<Program>, EngineError> {
        self.bundle
            .programs
            .iter()
            .map(|(name, program)| {
                let field = format!("programs.{name}.holdouts");
                let holdouts: Result<_, _> = program
                    .holdouts
                    .iter()
                    .map(|target| find(&self.holdouts, &field, target))
                    .collect();
                Ok(Program {
                    name: name.clone(),
                    purpose: self.purpose(&program.purpose),
                    suspended: program.suspended,
                    holdouts: holdouts?,
                })
            })
            .collect()
    }

    fn bindings(&self) -> Result<Vec<Binding>, EngineError> {
        let mut rules = 0;
        self.bundle
            .bindings
            .iter()
            .map(|(name, binding)| {
                let listing = |experiment: &bundle::Experiment| experiment.bindings.contains(name);
                let experiments = self.bundle.experiments.values().enumerate();
                let first_rule = rules;
                pieces::done();
                rules += binding.candidates.len();
                Ok(Binding {
                    name: name.clone(),
                    program: find(
                        &self.programs,
                        &format!("bindings.{name}.program"),
                        &binding.program,
                    )?,
                    priority: binding.priority,
                    suspended: binding.suspended,
                    rollout_salt: Salt::new(&self.bundle.rollout_salt(name)),
                    rollout_bp: binding.rollout_bp,
                    exposure: binding.exposure,
                    caps: binding.caps.clone(),
                    stop_on: binding.stop_on.clone(),
                    experiments: experiments
                        .filter(|(_, known)| listing(known))
                        .map(|(index, _)| index)
                        .collect(),
                    shown_by_arms: Vec::new(),
                    first_rule,
                })
            })
            .collect()
    }
}
