//! Slot contracts: whatever can reach a touchpoint fills what it requires and fits its lengths, in every locale.

use std::collections::BTreeSet;
use std::sync::Arc;

use attune_api::channel::{Channel, TouchpointSlot};
use attune_api::conditions::Reason;
use attune_api::content_module::{SlotType, Variant};
use attune_api::experiment::Effect;
use attune_api::{ContentModule, Kind, ObjectName};
use attune_core::engine::{lineages, slots};
use attune_core::locale::Lineage;

use crate::Model;
use crate::adapt::{Author, Bound, Place, adapt_slot};
use crate::assemble::{fallback, is_for, module as lowered};
use crate::finding::ObjectId;
use crate::kept::Fault;
use crate::report::Report;

#[cfg(test)]
mod tests;

/// Follows every way on which content reaches a touchpoint.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    let mut checker = Checker {
        model,
        report,
        told: BTreeSet::new(),
    };
    for (name, channel) in &model.snapshot.channels {
        for (index, touchpoint) in channel.spec.touchpoints.iter().enumerate() {
            let Some(baseline) = &touchpoint.baseline else {
                continue;
            };
            let user = || User {
                object: model.snapshot.id(Kind::Channel, name),
                field: format!("spec.touchpoints[{index}].baseline"),
            };
            checker.module(
                &baseline.module_ref.name,
                Spot {
                    channel,
                    place: Place {
                        channel: name,
                        touchpoint,
                        binding: None,
                    },
                },
                Reach::Audiences(&[]),
                user,
            );
        }
    }
    for (name, binding) in &model.snapshot.bindings {
        let Some(spot) = spot(model, name, &binding.spec) else {
            continue;
        };
        for (index, candidate) in binding.spec.candidates.iter().enumerate() {
            let user = || User {
                object: model.snapshot.id(Kind::ChannelBinding, name),
                field: format!("spec.candidates[{index}].moduleRef.name"),
            };
            checker.module(
                &candidate.module_ref.name,
                spot,
                Reach::Audiences(&candidate.audiences),
                user,
            );
        }
    }
    for (name, experiment) in &model.snapshot.experiments {
        for (index, arm) in experiment.spec.arms.iter().enumerate() {
            let user = User {
                object: model.snapshot.id(Kind::Experiment, name),
                field: format!("spec.arms[{index}].effect"),
            };
            checker.arm(&arm.effect, &experiment.spec, &user);
        }
    }
}

/// Where words are shown.
#[derive(Clone, Copy)]
struct Spot<'p> {
    channel: &'p Arc<Channel>,
    place: Place<'p>,
}

/// Where a binding's words are shown, if there is such a place.
fn spot<'m>(
    model: &Model<'m>,
    name: &'m str,
    binding: &'m attune_api::ChannelBindingSpec,
) -> Option<Spot<'m>> {
    let channel = model.snapshot.channels.get(binding.channel_ref.name.as_str())?;
    let mut touchpoints = channel.spec.touchpoints.iter();
    Some(Spot {
        channel,
        place: Place {
            channel: &binding.channel_ref.name,
            touchpoint: touchpoints.find(|touchpoint| touchpoint.name == binding.touchpoint)?,
            binding: Some(Bound {
                binding: name,
                program: &binding.program_ref.name,
            }),
        },
    })
}

/// What leads content to a touchpoint, and is told when the content does not fit.
struct User {
    object: ObjectId,
    field: String,
}

/// Which variants of a module a user can show.
#[derive(Clone, Copy)]
enum Reach<'a> {
    /// Those for everybody and those for one of the audiences.
    Audiences(&'a [ObjectName]),
    /// One.
    Variant(&'a str),
}

struct Checker<'m, 'r> {
    model: &'m Model<'m>,
    report: &'r mut Report,
    /// Findings already reported: one mistake reaches many touchpoints.
    told: BTreeSet<(ObjectId, String, String)>,
}

impl Checker<'_, '_> {
    fn arm(&mut self, effect: &Effect, experiment: &attune_api::ExperimentSpec, user: &User) {
        let (module, variant) = match effect {
            Effect::Baseline | Effect::Personalize => return,
            Effect::Module { module_ref } => (&module_ref.name, None),
            Effect::Variant { module_ref, name } => (&module_ref.name, Some(name.as_str())),
        };
        for name in &experiment.bindings {
            let Some(binding) = self.model.snapshot.bindings.get(name.as_str()) else {
                continue;
            };
            let Some(spot) = spot(self.model, name, &binding.spec) else {
                continue;
            };
            let audiences: Vec<_> = binding
                .spec
                .candidates
                .iter()
                .flat_map(|one| one.audiences.clone())
                .collect();
            if let Some(variant) = variant {
                self.named_variant((module, variant), &binding.spec.channel_ref.name, user);
            }
            let reach = variant.map_or(Reach::Audiences(&audiences), Reach::Variant);
            self.module(module, spot, reach, || User {
                object: user.object.clone(),
                field: user.field.clone(),
            });
        }
    }

    /// The variant that an arm names is one for the channel that it is shown on.
    fn named_variant(&mut self, (module, variant): (&str, &str), channel: &str, user: &User) {
        let modules = &self.model.snapshot.modules;
        let variants = modules.get(module).map(|module| &module.spec.variants);
        let named = variants.into_iter().flatten().find(|known| known.name == variant);
        if let Some(named) = named
            && !named.channels.is_empty()
            && !named.channels.iter().any(|known| known.as_str() == channel)
        {
            let message = format!(
                "`{module}/{variant}` is not for channel `{channel}`, so that the arm would show the baseline there: name \
                 another variant, or add the channel to its channels"
            );
            let field = format!("{}.name", user.field);
            self.report
                .error(&user.object, Reason::Unreachable, field, message);
        }
    }

    fn module(&mut self, name: &str, spot: Spot<'_>, reach: Reach<'_>, user: impl FnOnce() -> User) {
        let (model, Spot { channel, place }) = (self.model, spot);
        let Some(module) = model.snapshot.modules.get(name) else {
            return;
        };
        let mut touchpoints = channel.spec.touchpoints.iter();
        let position = touchpoints.position(|one| std::ptr::eq(one, place.touchpoint));
        let position = position.unwrap_or_default();
        // Links may tell where they stand, and be too long for it.
        let bound = place.binding.filter(|_| place.is_adapted());
        let bound = bound.map_or_else(String::new, |bound| {
            format!("/{}/{}", bound.binding, bound.program)
        });
        let key = format!("{}/{position}/{name}{bound}", place.channel);
        let find = || faults((name, module), spot);
        let found = model.objects.borrow_mut().faults(&key, (module, channel), find);
        let is_met = |fault: &&Fault| {
            let variant = module.spec.variants.get(fault.variant);
            variant.is_some_and(|variant| is_reached(variant, reach, model))
        };
        let mut met = found.iter().filter(is_met).peekable();
        if met.peek().is_some() {
            let user = user();
            met.for_each(|fault| self.tell(name, fault, &user));
        }
    }

    fn tell(&mut self, module: &str, fault: &Fault, user: &User) {
        let object = self.model.snapshot.id(Kind::ContentModule, module);
        let (field, message, reason) = (fault.field.clone(), fault.message.clone(), fault.reason);
        self.report
            .consequence(&user.object, reason, user.field.clone(), message.clone());
        if self.told.insert((object.clone(), field.clone(), message.clone())) {
            self.report.error(&object, reason, field, message);
        }
    }
}

/// What keeps the variants of a module from a place, in every locale of the channel that they speak.
fn faults((name, module): (&str, &ContentModule), Spot { channel, place }: Spot<'_>) -> Vec<Fault> {
    let listed = channel.spec.locales.iter();
    let listed: Vec<String> = listed.map(|locale| locale.as_str().to_owned()).collect();
    let fallback = fallback(&channel.spec);
    let lineages = lineages(&listed, &fallback);
    let form = lowered(name, module, place.channel);
    let declared = module.spec.variants.iter().enumerate();
    let shown = declared.filter(|(_, variant)| is_for(variant, place.channel));
    let mut found = Vec::new();
    for ((position, _), variant) in shown.zip(&form.variants) {
        let mut named = module.spec.variants.iter();
        let index = named.position(|known| known.name.as_str() == variant.name);
        let index = index.unwrap_or_default();
        let author = Author {
            module: name,
            variant: Some(&variant.name),
        };
        for (place_in_list, lineage) in lineages.iter().enumerate() {
            if !attune_core::engine::speaks(variant, lineage) {
                continue;
            }
            let filled = slots(&form, variant, lineage);
            for slot in &place.touchpoint.slots {
                let value = filled.get(slot.name.as_str()).and_then(|value| value.as_str());
                let typed = value.map(|value| (type_of(module, &slot.name), value));
                let Some(wrong) = wrong(&place, slot, typed, author) else {
                    continue;
                };
                let locale = listed.get(place_in_list);
                let message = format!(
                    "`{name}/{}` {} at touchpoint `{}` of channel `{}`{}: {}",
                    variant.name,
                    wrong.what,
                    place.touchpoint.name,
                    place.channel,
                    locale
                        .map(|locale| format!(" in locale `{locale}`"))
                        .unwrap_or_default(),
                    wrong.remedy,
                );
                found.push(Fault {
                    variant: position,
                    field: source(module, index, &slot.name, lineage, value.is_some()),
                    reason: wrong.reason,
                    message,
                });
            }
        }
    }
    found
}

fn is_reached(variant: &Variant, reach: Reach<'_>, model: &Model<'_>) -> bool {
    let until = variant
        .validity
        .as_ref()
        .and_then(|validity| validity.until.as_ref());
    until.is_none_or(|until| until.timestamp() > model.at)
        && match reach {
            Reach::Variant(name) => variant.name == name,
            Reach::Audiences(audiences) => {
                variant.audiences.is_empty() || audiences.iter().any(|one| variant.audiences.contains(one))
            }
        }
}

/// What is wrong with a slot's value, and what to do.
struct Wrong {
    reason: Reason,
    what: String,
    remedy: &'static str,
}

impl Wrong {
    fn of_contract(what: String, remedy: &'static str) -> Self {
        Self {
            reason: Reason::SlotContract,
            what,
            remedy,
        }
    }
}

fn wrong(
    place: &Place<'_>,
    slot: &TouchpointSlot,
    value: Option<(SlotType, &str)>,
    author: Author<'_>,
) -> Option<Wrong> {
    let name = &slot.name;
    let Some(value) = value.filter(|(_, value)| !value.is_empty()) else {
        return slot
            .required
            .then(|| Wrong::of_contract(format!("leaves the required slot `{name}` empty"), "fill it"));
    };
    let length = match adapt_slot(place, slot, value, author) {
        Ok(shown) => shown.length,
        Err(error) => {
            return Some(Wrong {
                reason: error.reason(),
                what: format!("{error} in slot `{name}`"),
                remedy: error.remedy(),
            });
        }
    };
    let most = usize::try_from(slot.max_length.as_ref()?.get()).unwrap_or(usize::MAX);
    (length > most).then(|| {
        let more = length - most;
        let fault = format!("has {length} characters in slot `{name}`, {more} more than the {most} allowed");
        Wrong::of_contract(fault, "shorten it")
    })
}

fn type_of(module: &ContentModule, slot: &str) -> SlotType {
    let mut slots = module.spec.slots.iter();
    let declared = slots.find(|known| known.name == slot);
    declared.map_or(SlotType::Text, |slot| slot.type_)
}

/// The field that a slot's value comes from, or that should hold it.
fn source(module: &ContentModule, variant: usize, slot: &str, lineage: &Lineage<'_>, filled: bool) -> String {
    let own = module
        .spec
        .variants
        .get(variant)
        .is_some_and(|variant| variant.content.keys().any(|key| key.as_str() == slot));
    if own {
        return format!("spec.variants[{variant}].content.{slot}");
    }
    if !filled {
        return format!("spec.variants[{variant}].content");
    }
    let mut localized: Vec<_> = module
        .spec
        .localized_core
        .iter()
        .filter(|(_, content)| content.0.keys().any(|key| key.as_str() == slot))
        .filter_map(|(range, _)| lineage.distance(range).map(|distance| (distance, range)))
        .collect();
    localized.sort();
    match localized.first() {
        Some((_, range)) => format!("spec.localizedCore.{range}.{slot}"),
        None => format!("spec.core.{slot}"),
    }
}
