//! Audiences and modules as bundles carry them, with the ids that their contents give them.

use std::sync::Arc;

use attune_api::ContentModule;
use attune_api::channel::Touchpoint;
use attune_core::bundle::{self, ContentId, Module, Rule};

use super::Answers;
use crate::adapt::Place;
use crate::assemble::{FormKey, adapted, form};

/// What bundles are put together of.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// By name.
    audiences: Answers<Option<(ContentId, Arc<bundle::Audience>)>>,
    /// By channel, name, and the touchpoint and binding where they have a form of their own.
    modules: Answers<Shown>,
}

/// A module with the variants that one Channel may show, in the words of one place.
#[derive(Debug, Clone)]
struct Shown {
    object: Arc<ContentModule>,
    /// Which of its variants.
    variants: Arc<[bool]>,
    /// The labels that bundles of the Channel carry.
    labels: Arc<[String]>,
    /// The touchpoint and the program of the binding, where words are shown in another form than they were written in.
    place: Option<Arc<(Touchpoint, Option<String>)>>,
    form: Option<(ContentId, Arc<Module>)>,
}

impl Contents {
    /// An audience under a rule; `None` where it has no JSON form.
    pub(crate) fn audience(&mut self, name: &str, rule: &Rule) -> Option<(ContentId, Arc<bundle::Audience>)> {
        let holds = |known: &Option<(ContentId, Arc<bundle::Audience>)>| {
            known.as_ref().is_some_and(|(_, audience)| audience.rule == *rule)
        };
        let make = || {
            let audience = bundle::Audience {
                name: name.to_owned(),
                rule: rule.clone(),
            };
            let id = bundle::content_id(name, &audience).ok()?;
            Some((id, Arc::new(audience)))
        };
        self.audiences.get(name, holds, make)
    }

    /// A module with some of its variants, as a place shows it that has formats; `None` where it has no such form.
    pub(crate) fn module(
        &mut self,
        (channel, key): (&str, FormKey<'_>),
        object: &Arc<ContentModule>,
        variants: &[bool],
        (labels, place): (&[String], Option<&Place<'_>>),
    ) -> Option<(ContentId, Arc<Module>)> {
        let (name, touchpoint, binding) = key;
        let program = place.and_then(|place| place.binding).map(|bound| bound.program);
        let is_there = |known: &(Touchpoint, Option<String>)| {
            place.is_some_and(|place| known.0 == *place.touchpoint && known.1.as_deref() == program)
        };
        let holds = |known: &Shown| {
            Arc::ptr_eq(&known.object, object)
                && *known.variants == *variants
                && *known.labels == *labels
                && known
                    .place
                    .as_ref()
                    .map_or(place.is_none(), |known| is_there(known))
        };
        let make = || {
            let mut module = form(name, object, variants);
            let carried = labels.iter();
            module.labels = carried
                .filter_map(|label| Some((label.clone(), object.spec.labels.get(label)?.clone())))
                .collect();
            if let Some(place) = place {
                module = adapted(module, object, place);
            }
            let id = bundle::content_id(name, &module).ok();
            Shown {
                object: Arc::clone(object),
                variants: variants.into(),
                labels: labels.into(),
                place: place.map(|place| Arc::new((place.touchpoint.clone(), program.map(str::to_owned)))),
                form: id.map(|id| (id, Arc::new(module))),
            }
        };
        let at = [Some(channel), Some(name), touchpoint, binding];
        let at: Vec<_> = at.into_iter().flatten().collect();
        self.modules.get(&at.join("/"), holds, make).form
    }

    pub(super) fn turn(&mut self) {
        self.audiences.turn();
        self.modules.turn();
    }
}
