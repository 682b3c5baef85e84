//! Whether an audience is more than a label: it is reachable, addressed otherwise than everybody, and measurable.
//!
//! - **Reachable**: a live rule names it, and how many it reaches is known.
//! - **Addressed differently**: it has words of its own in some cell of some Program's coverage.
//! - **Measurable**: a holdout or a running experiment compares it with somebody, and its reach suffices to see the Program's
//!   minimum lift ([`power`]).

use std::collections::{BTreeMap, BTreeSet};

use attune_api::conditions::Reason;
use attune_api::program::CellState;
use attune_core::decide::open_rules;
use foldhash::{HashMap, HashMapExt};
use jiff::Timestamp;

use crate::coverage::{Coverage, Engines, reach};
use crate::snapshot::Snapshot;

pub mod power;
#[cfg(test)]
mod tests;

const SPEC: &str = "spec";
const REACH: &str = "spec.reach";

/// The most comparisons that are remembered.
const MAX_NEEDS: usize = 64;

/// Why a leg fails, with the field to look at first.
type Fault = (&'static str, String);

/// What is known of one audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actionable {
    /// Channels on which a live rule names it.
    pub channels: BTreeSet<String>,
    /// The legs that fail, in their order.
    pub failing: Vec<Failing>,
    /// What holds, in one sentence, where no leg fails.
    pub because: String,
}

/// A leg that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// Which.
    pub reason: Reason,
    /// The field to look at first.
    pub field: &'static str,
    /// Why, and what to do.
    pub why: String,
}

impl Actionable {
    /// Whether all three legs hold.
    pub fn holds(&self) -> bool {
        self.failing.is_empty()
    }
}

/// Where live rules name an audience.
#[derive(Debug, Default)]
struct Named<'a> {
    channels: BTreeSet<&'a str>,
    /// Channel and binding.
    bindings: BTreeSet<(&'a str, &'a str)>,
}

/// Judges every audience of the namespace. `hidden` holds the binding and position of candidates that nobody reaches.
pub fn all(
    snapshot: &Snapshot,
    engines: &Engines,
    coverages: &[Coverage<'_>],
    hidden: &BTreeSet<(String, usize)>,
    at: Timestamp,
) -> BTreeMap<String, Actionable> {
    let named = named(engines, hidden, at);
    let none = Named::default();
    let mut own_words: HashMap<&str, (usize, usize)> = HashMap::new();
    let mut programs: BTreeMap<&str, Vec<&Coverage<'_>>> = BTreeMap::new();
    for coverage in coverages {
        for audience in &coverage.program.spec.audiences {
            programs.entry(audience.as_str()).or_default().push(coverage);
        }
        for cell in &coverage.cells {
            let (cells, own) = own_words.entry(cell.audience).or_default();
            *cells += 1;
            *own += usize::from(cell.state == CellState::Differentiated);
        }
    }
    let mut needs = Needs::default();
    let judged = snapshot.audiences.keys().map(|name| {
        let judge = Judge {
            snapshot,
            engines,
            at,
            name,
            named: named.get(name.as_str()).unwrap_or(&none),
        };
        let words = own_words.get(name.as_str()).copied().unwrap_or_default();
        let programs = programs.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
        (name.clone(), judge.judge(words, programs, &mut needs))
    });
    judged.collect()
}

fn named<'a>(
    engines: &'a Engines,
    hidden: &BTreeSet<(String, usize)>,
    at: Timestamp,
) -> BTreeMap<&'a str, Named<'a>> {
    let mut named: BTreeMap<&str, Named<'_>> = BTreeMap::new();
    for (channel, engine) in engines {
        let bundle = engine.bundle();
        for rule in open_rules(engine, at) {
            if hidden.contains(&(rule.binding.to_owned(), rule.index)) {
                continue;
            }
            let binding = bundle.bindings.get_key_value(rule.binding);
            let candidate =
                binding.and_then(|(name, binding)| Some((name, binding.candidates.get(rule.index)?)));
            let Some((binding, candidate)) = candidate else {
                continue;
            };
            let audiences = candidate
                .audiences
                .iter()
                .filter_map(|id| bundle.audiences.get(id));
            for audience in audiences {
                let entry = named.entry(&audience.name).or_default();
                entry.channels.insert(channel);
                entry.bindings.insert((channel, binding));
            }
        }
    }
    named
}

/// Units that comparisons need: many audiences are compared alike.
#[derive(Default)]
struct Needs(Vec<(power::Comparison, Option<u64>)>);

impl Needs {
    fn of(&mut self, comparison: &power::Comparison) -> Option<u64> {
        if let Some((_, needed)) = self.0.iter().find(|(known, _)| known == comparison) {
            return *needed;
        }
        let needed = comparison.needed();
        if self.0.len() < MAX_NEEDS {
            self.0.push((comparison.clone(), needed));
        }
        needed
    }
}

struct Judge<'a> {
    snapshot: &'a Snapshot,
    engines: &'a Engines,
    at: Timestamp,
    name: &'a str,
    named: &'a Named<'a>,
}

impl Judge<'_> {
    fn judge(
        &self,
        (cells, own): (usize, usize),
        programs: &[&Coverage<'_>],
        needs: &mut Needs,
    ) -> Actionable {
        let measure = self.measure(programs, needs);
        let legs = [
            (Reason::NotReachable, self.reach().err()),
            (
                Reason::NotDifferentiated,
                different(cells, own).err().map(|why| (SPEC, why)),
            ),
            (Reason::NotMeasurable, measure.as_ref().err().cloned()),
        ];
        let failing = legs.into_iter().filter_map(|(reason, found)| {
            let (field, why) = found?;
            Some(Failing { reason, field, why })
        });
        Actionable {
            channels: self
                .named
                .channels
                .iter()
                .map(|channel| (*channel).to_owned())
                .collect(),
            failing: failing.collect(),
            because: measure.unwrap_or_default(),
        }
    }

    fn reach(&self) -> Result<(), Fault> {
        if self.named.bindings.is_empty() {
            let why = "no live rule names it: add it to a candidate of a binding";
            return Err((SPEC, why.to_owned()));
        }
        let fault = |why: &str| Err((REACH, why.to_owned()));
        match reach(self.snapshot, self.name) {
            None => fault("how many it reaches is not known: declare `spec.reach`"),
            Some(0) => fault("its `spec.reach` is 0: widen it or remove it"),
            Some(_) => Ok(()),
        }
    }

    /// The comparison that needs the smallest part of what it has, over all Programs.
    fn measure(&self, programs: &[&Coverage<'_>], needs: &mut Needs) -> Result<String, Fault> {
        let Some(units) = reach(self.snapshot, self.name).filter(|units| *units > 0) else {
            let why = "without a reach nothing says what can be seen of it: declare `spec.reach`";
            return Err((REACH, why.to_owned()));
        };
        let fault = |why: String| Err((SPEC, why));
        let mut found: Vec<power::Comparison> = Vec::new();
        for coverage in programs {
            found.extend(power::comparisons(
                (self.snapshot, self.engines),
                coverage,
                &self.named.bindings,
                self.name,
                self.at,
            ));
        }
        let judged: Vec<_> = found
            .iter()
            .map(|comparison| (comparison, needs.of(comparison)))
            .collect();
        let lacking = |(comparison, needed): &(&power::Comparison, Option<u64>)| {
            let needed = needed.map_or(f64::INFINITY, |needed| needed as f64);
            needed / comparison.units(units).max(f64::MIN_POSITIVE)
        };
        let best = judged
            .iter()
            .min_by(|one, other| lacking(one).total_cmp(&lacking(other)));
        let Some(best) = best else {
            return fault(
                "no holdout and no running experiment covers it: nothing can be said about what it brings; \
                 add a holdout that covers its program"
                    .to_owned(),
            );
        };
        let (comparison, needed) = best;
        let sees = format!(
            "{} compares {:.0} of its {units} units",
            comparison.name,
            comparison.units(units).floor()
        );
        let lift = comparison.minimum_lift * 100.0;
        match needed {
            Some(needed) if lacking(best) <= 1.0 => Ok(format!(
                "{sees}, and a lift of {lift} % needs {needed} at the least"
            )),
            Some(needed) => fault(format!(
                "{sees}, and a lift of {lift} % needs {needed} even if every second person responded: widen it, compare a \
                 larger share, or ask for a larger lift"
            )),
            None => fault(format!(
                "{sees}, and no number of units shows a lift of {lift} %: ask for a larger one"
            )),
        }
    }
}

fn different(cells: usize, own: usize) -> Result<(), String> {
    match (cells, own) {
        (0, _) => {
            Err("no program addresses it at any touchpoint: add it to a program, or remove it".to_owned())
        }
        (cells, 0) => {
            let plural = if cells == 1 {
                "its only cell has"
            } else {
                "none of its cells has"
            };
            Err(format!(
                "{plural} words of its own: write a variant for it ({cells} in `attune coverage`), or it is a label, not a strategy"
            ))
        }
        _ => Ok(()),
    }
}
