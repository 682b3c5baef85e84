//! Decisions that differ in the unit and the decision's name alone.
//!
//! A million decisions have some dozens of shapes. What a shape says is written once, as the output wants it and as exposures
//! do, and each decision copies it.

use std::collections::HashMap;

use anyhow::Context as _;
use attune_core::decide::Decision;
use foldhash::fast::FixedState;

use super::exposures::Template;
use super::summary::Summary;

/// Shapes that are known at a time; when there are more, all are forgotten.
const MOST: usize = 16_384;

/// All decisions of one kind.
#[derive(Debug)]
pub(crate) struct Shape<'e> {
    /// One of them.
    pub(crate) decision: Decision<'e>,
    /// What stands between the ids in the output.
    pub(crate) middle: Vec<u8>,
    /// The events that tell of it.
    pub(crate) exposures: Vec<Template>,
    /// How many there were since this was last asked.
    count: u64,
}

/// What makes two decisions of one shape. Names are told apart by where the engine keeps them: one name in two places makes
/// two shapes, which does no harm.
type Key = [usize; 11];

/// The shapes of one engine's decisions.
#[derive(Debug, Default)]
pub(crate) struct Shapes<'e> {
    places: HashMap<Key, usize, FixedState>,
    shapes: Vec<Shape<'e>>,
}

fn key(decision: &Decision<'_>) -> Key {
    let at = |name: Option<&str>| name.map_or(0, |name| name.as_ptr().addr());
    let (winner, holdout, enrolment) = (decision.winner, decision.holdout, decision.enrolment);
    let held = holdout.is_some_and(|test| test.held);
    [
        decision.touchpoint.as_ptr().addr(),
        decision.reason as usize * 2 + usize::from(held),
        at(decision.content.map(|content| content.variant)),
        at(decision.content.map(|content| content.json.get())),
        winner.map_or(usize::MAX, |winner| winner.rule),
        at(winner.and_then(|winner| winner.audience)),
        at(holdout.map(|test| test.name)),
        at(decision.passed_holdout),
        at(enrolment.map(|enrolment| enrolment.experiment)),
        at(enrolment.map(|enrolment| enrolment.arm)),
        enrolment.map_or(0, |enrolment| {
            usize::try_from(enrolment.phase).unwrap_or_default()
        }),
    ]
}

impl<'e> Shapes<'e> {
    /// The shape of a decision, which counts it. `make` is told whether all shapes before it are forgotten.
    ///
    /// # Errors
    /// When it is new and cannot be made.
    pub(crate) fn count(
        &mut self,
        decision: &Decision<'e>,
        summary: &mut Summary,
        make: impl FnOnce(&Decision<'e>, bool) -> anyhow::Result<(Vec<u8>, Vec<Template>)>,
    ) -> anyhow::Result<&Shape<'e>> {
        let key = key(decision);
        let place = if let Some(place) = self.places.get(&key) {
            *place
        } else {
            let are_many = self.shapes.len() >= MOST;
            if are_many {
                self.drain(summary);
                self.places.clear();
                self.shapes.clear();
            }
            let (middle, exposures) = make(decision, are_many)?;
            self.shapes.push(Shape {
                decision: decision.clone(),
                middle,
                exposures,
                count: 0,
            });
            let place = self.shapes.len() - 1;
            self.places.insert(key, place);
            place
        };
        // INVARIANT: places are those of shapes.
        let shape = self.shapes.get_mut(place).context("a shape is lost")?;
        shape.count += 1;
        Ok(shape)
    }

    /// Adds what was counted since the last time to a summary.
    pub(crate) fn drain(&mut self, summary: &mut Summary) {
        for shape in self.shapes.iter_mut().filter(|shape| shape.count > 0) {
            summary.add(&shape.decision, shape.count);
            shape.count = 0;
        }
    }
}
