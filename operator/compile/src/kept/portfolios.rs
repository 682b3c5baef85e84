//! Whom candidates reach and bindings admit, and which audiences are nearly the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_api::{ChannelBinding, ObjectName};

use super::Answers;
use crate::overlap::near::{Near, near};
use crate::overlap::reach::{self, Reach};
use crate::overlap::{Form, Forms};

/// What is known of how audiences lie to each other.
#[derive(Debug, Default)]
pub(crate) struct Portfolios {
    /// By binding.
    placed: Answers<Asked>,
    near: Option<Compared>,
}

/// Forms by audience, and which of them are nearly the same.
type Compared = (BTreeMap<String, Arc<Form>>, Arc<Near>);

/// Whom a binding reaches.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    /// By candidate.
    pub(crate) reach: Arc<[Reach]>,
    /// All of them.
    pub(crate) admitted: Arc<Form>,
}

/// The same, with what it was made of.
#[derive(Debug, Clone)]
struct Asked {
    binding: Arc<ChannelBinding>,
    /// Those of the candidates' conditions and audiences, in their order.
    forms: Arc<[Option<Arc<Form>>]>,
    placed: Placed,
}

impl Portfolios {
    /// Whom a binding reaches, given the forms of its candidates' conditions.
    pub(crate) fn placed(
        &mut self,
        forms: &Forms,
        (name, binding): (&str, &Arc<ChannelBinding>),
        conditions: Vec<Option<Arc<Form>>>,
    ) -> Placed {
        let audiences = binding.spec.candidates.iter().flat_map(|one| &one.audiences);
        let audiences = audiences.map(|name: &ObjectName| forms.by_name.get(name.as_str()).cloned());
        let count = conditions.len();
        let all: Vec<_> = conditions.into_iter().chain(audiences).collect();
        let holds = |known: &Asked| Arc::ptr_eq(&known.binding, binding) && are_same(&known.forms, &all);
        let make = || {
            let conditions = all.get(..count).unwrap_or_default();
            Asked {
                binding: Arc::clone(binding),
                placed: Placed {
                    reach: reach::of(forms, binding, conditions).into(),
                    admitted: Arc::new(reach::admitted(forms, binding, conditions)),
                },
                forms: all.as_slice().into(),
            }
        };
        self.placed.get(name, holds, make).placed
    }

    /// Audiences that are the same or nearly so.
    pub(crate) fn near(&mut self, forms: &Forms) -> Arc<Near> {
        let is_same = |known: &BTreeMap<String, Arc<Form>>| {
            let pairs = known.iter().zip(&forms.by_name);
            known.len() == forms.by_name.len()
                && pairs
                    .into_iter()
                    .all(|(one, other)| one.0 == other.0 && Arc::ptr_eq(one.1, other.1))
        };
        match &self.near {
            Some((known, near)) if is_same(known) => Arc::clone(near),
            _ => {
                let near = Arc::new(near(forms));
                self.near = Some((forms.by_name.clone(), Arc::clone(&near)));
                near
            }
        }
    }

    pub(super) fn turn(&mut self) {
        self.placed.turn();
    }
}

fn are_same(one: &[Option<Arc<Form>>], other: &[Option<Arc<Form>>]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|pair| match pair {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        })
}
