//! What follows from one or two objects alone.

use std::sync::Arc;

use attune_api::conditions::Reason;
use attune_api::{Audience, Channel, ContentModule};

use super::Answers;

/// What is known of single objects.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    /// By channel, touchpoint and module.
    faults: Answers<Shown>,
    /// By audience.
    insights: Answers<(Arc<Audience>, Arc<[String; 3]>)>,
}

/// What keeps the words of a variant from a touchpoint.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Position of the variant in the module.
    pub(crate) variant: usize,
    /// The field that the words come from.
    pub(crate) field: String,
    /// Which rule they break.
    pub(crate) reason: Reason,
    /// What is wrong with them, and what to do.
    pub(crate) message: String,
}

#[derive(Debug, Clone)]
struct Shown {
    module: Arc<ContentModule>,
    channel: Arc<Channel>,
    faults: Arc<[Fault]>,
}

impl Objects {
    /// What keeps the words of a module from a touchpoint, whoever leads them there.
    pub(crate) fn faults(
        &mut self,
        place: &str,
        (module, channel): (&Arc<ContentModule>, &Arc<Channel>),
        find: impl FnOnce() -> Vec<Fault>,
    ) -> Arc<[Fault]> {
        let holds =
            |known: &Shown| Arc::ptr_eq(&known.module, module) && Arc::ptr_eq(&known.channel, channel);
        let make = || Shown {
            module: Arc::clone(module),
            channel: Arc::clone(channel),
            faults: find().into(),
        };
        self.faults.get(place, holds, make).faults
    }

    /// The sentences of an insight as they are compared with others.
    pub(crate) fn insight(
        &mut self,
        name: &str,
        audience: &Arc<Audience>,
        read: impl FnOnce() -> [String; 3],
    ) -> Arc<[String; 3]> {
        let holds = |(known, _): &(Arc<Audience>, _)| Arc::ptr_eq(known, audience);
        let make = || (Arc::clone(audience), Arc::new(read()));
        self.insights.get(name, holds, make).1
    }

    pub(super) fn turn(&mut self) {
        self.faults.turn();
        self.insights.turn();
    }
}
