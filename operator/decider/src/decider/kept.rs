//! Decisions that are kept, so that they can be explained later.

use attune_core::context::Context;
use attune_core::decide::{Decision, Request, Taken, UnknownTouchpoint, decide_beside};
use attune_core::history::History;
use attune_core::replay::Inputs;
use attune_core::trace::Trace;
use jiff::Timestamp;

use super::{Decider, Loaded};
use crate::exposure::Exposed;

impl Loaded {
    /// Whether decisions about whom a context names are kept.
    pub(crate) fn keeps(&self, context: &Context<'_>) -> bool {
        let unit = context.unit().map(|(unit, _)| unit);
        let sample = self.sample.as_ref();
        sample.is_some_and(|sample| unit.is_some_and(|unit| sample.admits(unit)))
    }

    /// Decides, and takes down what that depended on where it is kept.
    pub(crate) fn decide<'e>(
        &'e self,
        request: Request<'_>,
        taken: &Taken<'e>,
    ) -> Result<(Decision<'e>, Option<Inputs>), UnknownTouchpoint> {
        if self.keeps(request.context) {
            Inputs::watch(&self.engine, request, taken)
        } else {
            let decision = decide_beside(&self.engine, request, taken, &mut Trace::off())?;
            Ok((decision, None))
        }
    }

    /// Decides for every touchpoint, sorted by name, and takes down what that depended on.
    pub(crate) fn watch_everywhere(
        &self,
        context: &Context<'_>,
        history: &dyn History,
        now: Timestamp,
    ) -> impl Iterator<Item = (Decision<'_>, Option<Inputs>)> {
        self.engine.touchpoints().filter_map(move |touchpoint| {
            let request = Request {
                touchpoint,
                context,
                history,
                now,
            };
            // INVARIANT: the touchpoint is the engine's own.
            Inputs::watch(&self.engine, request, &Taken::default()).ok()
        })
    }
}

impl Decider {
    /// Keeps what a decision depended on.
    pub(crate) fn keep(
        &self,
        loaded: &Loaded,
        (decision, inputs): (&Decision<'_>, Inputs),
        exposed: &Exposed<'_>,
    ) {
        if let Some(sample) = &loaded.sample {
            self.0.exposures.keep(decision, exposed, inputs, sample);
        }
    }
}
