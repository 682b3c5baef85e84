//! What is counted of requests and decisions between two reports to the operator: numbers by attribute, touchpoint and rule,
//! never a value.
//!
//! Counting costs a request an addition or two, without a lock and without memory: places are those of the bundle, and
//! names come in when somebody asks.

use std::cell::Cell;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::LocalKey;

use attune_core::context::{Context, SlotState};
use attune_core::decide::{Decision, Outcome, Reason};
use attune_core::engine::Engine;
use attune_core::measure::counts::{AttributeCounts, Counts, Reasons as Named};
use attune_core::pieces;

#[cfg(test)]
mod tests;

/// Requests of which each is looked at between two reports.
const EACH: u64 = 1024;

/// Beyond those, one in so many is, and counts as so many: processors do not fight over the sums of a busy decider.
const ONE_IN: u64 = 16;

/// The most names that wait for an operator that does not take them: several of the largest bundles.
const MAX_NAMES: usize = 65_536;

/// The sums of one bundle since they were last taken.
#[derive(Debug)]
pub(crate) struct Sums {
    requests: AtomicU64,
    /// In the engine's order.
    attributes: Box<[Attribute]>,
    /// In the engine's order.
    rules: Box<[Rule]>,
    /// Of each rule whether it won where nobody counted: one that wins somebody is never told of as one that wins nobody.
    /// Side by side, as most of them are looked at for each bulk answer.
    won: Box<[AtomicBool]>,
    /// By name.
    touchpoints: Box<[Touchpoint]>,
}

#[derive(Debug)]
struct Attribute {
    name: String,
    /// Whether clients may supply it: else it is absent for no fault of theirs.
    is_asked: bool,
    present: AtomicU64,
    type_clashes: AtomicU64,
    outside_values: AtomicU64,
}

#[derive(Debug)]
struct Rule {
    binding: String,
    key: String,
    reasons: Reasons,
}

/// Decisions at a touchpoint that no rule won.
#[derive(Debug)]
struct Touchpoint {
    name: String,
    reasons: Reasons,
}

/// Decisions in the order of [`Reason::ALL`].
#[derive(Debug, Default)]
struct Reasons([AtomicU64; Reason::ALL.len()]);

/// The sums of the bundle that decides and of those before it, as long as requests still finish by them.
#[derive(Debug, Default)]
pub(crate) struct Account(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    sums: Vec<Arc<Sums>>,
    /// What was taken from sums and not from here.
    taken: Counts,
}

/// Requests that a thread has met on busy deciders.
type Met = LocalKey<Cell<u64>>;

thread_local! {
    static READ: Cell<u64> = const { Cell::new(0) };
    static IN_BULK: Cell<u64> = const { Cell::new(0) };
}

/// Counts the decisions of one bulk answer.
pub(crate) struct Bulk<'s> {
    sums: &'s Sums,
    /// How many bulk answers this one stands for; `None` where another stands for it.
    weight: Option<u64>,
}

impl Sums {
    fn of(engine: &Engine) -> Self {
        let bundle = engine.bundle();
        let attributes = engine.attributes().map(|(name, is_asked)| Attribute {
            name: name.to_owned(),
            is_asked,
            present: AtomicU64::new(0),
            type_clashes: AtomicU64::new(0),
            outside_values: AtomicU64::new(0),
        });
        let rules = engine.rules().map(|rule| {
            pieces::done();
            Rule {
                binding: rule.binding.to_owned(),
                key: bundle.rule_key(rule.candidate),
                reasons: Reasons::default(),
            }
        });
        let touchpoints = engine.touchpoints().map(|name| Touchpoint {
            name: name.to_owned(),
            reasons: Reasons::default(),
        });
        let rules: Box<[_]> = rules.collect();
        Self {
            requests: AtomicU64::new(0),
            attributes: attributes.collect(),
            won: rules.iter().map(|_| AtomicBool::new(false)).collect(),
            rules,
            touchpoints: touchpoints.collect(),
        }
    }

    /// Counts what a request carries.
    pub(crate) fn read(&self, engine: &Engine, context: &Context<'_>) {
        let Some(weight) = weight(self.read_so_far(), &READ) else {
            return;
        };
        self.requests.fetch_add(weight, Ordering::Relaxed);
        for (attribute, (_, state)) in self.attributes.iter().zip(context.observed(engine)) {
            match state {
                SlotState::Absent => continue,
                SlotState::WrongType => &attribute.type_clashes,
                SlotState::OutsideValues => {
                    attribute.outside_values.fetch_add(weight, Ordering::Relaxed);
                    &attribute.present
                }
                SlotState::Present | SlotState::Withheld => &attribute.present,
            }
            .fetch_add(weight, Ordering::Relaxed);
        }
    }

    fn read_so_far(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Counts a decision.
    pub(crate) fn decided(&self, decision: &Decision<'_>) {
        let reasons = match decision.winner {
            Some(winner) => self.rules.get(winner.rule).map(|rule| &rule.reasons),
            None => self.without(decision.touchpoint),
        };
        count(reasons, decision.reason, 1);
    }

    /// Counts what the decisions of a bulk answer come to, whose request was read.
    pub(crate) fn bulk(&self) -> Bulk<'_> {
        Bulk {
            sums: self,
            weight: weight(self.read_so_far().saturating_sub(1), &IN_BULK),
        }
    }

    fn without(&self, touchpoint: &str) -> Option<&Reasons> {
        let known = |one: &Touchpoint| one.name.as_str().cmp(touchpoint);
        let place = self.touchpoints.binary_search_by(known).ok()?;
        self.touchpoints.get(place).map(|one| &one.reasons)
    }

    /// Adds the sums to counts by name, and starts anew.
    fn drain(&self, counts: &mut Counts) {
        let requests = take(&self.requests);
        for attribute in self.attributes.iter().filter(|one| one.is_asked && requests > 0) {
            let seen = AttributeCounts {
                requests,
                present: take(&attribute.present),
                type_clashes: take(&attribute.type_clashes),
                outside_values: take(&attribute.outside_values),
            };
            let known = counts.attributes.entry(attribute.name.clone()).or_default();
            known.add(&seen);
        }
        for (rule, won) in self.rules.iter().zip(&self.won) {
            let (reasons, wins) = rule.reasons.take();
            if won.swap(false, Ordering::Relaxed) || wins > 0 {
                let binding = counts.bindings.entry(rule.binding.clone()).or_default();
                add(&mut binding.reasons, reasons);
                add(&mut binding.rules, [(rule.key.clone(), wins)]);
            }
        }
        for touchpoint in &self.touchpoints {
            let (reasons, decisions) = touchpoint.reasons.take();
            if decisions > 0 {
                let known = counts.touchpoints.entry(touchpoint.name.clone()).or_default();
                add(known, reasons);
            }
        }
    }
}

/// How many requests one stands for that comes after so many; `None` where another stands for it.
fn weight(before: u64, met: &'static Met) -> Option<u64> {
    if before < EACH {
        return Some(1);
    }
    let place = met.get();
    met.set(place.wrapping_add(1));
    place.is_multiple_of(ONE_IN).then_some(ONE_IN)
}

impl Bulk<'_> {
    /// Counts what a decision came to, and the rule that won.
    pub(crate) fn came_to(&self, outcome: &Outcome, rule: Option<usize>) {
        let Some(weight) = self.weight else {
            let won = rule.and_then(|place| self.sums.won.get(place));
            if let Some(won) = won.filter(|won| !won.load(Ordering::Relaxed)) {
                won.store(true, Ordering::Relaxed);
            }
            return;
        };
        let rule = rule.and_then(|place| self.sums.rules.get(place));
        let reasons = rule.map(|rule| &rule.reasons).or_else(|| {
            let touchpoint = self.sums.touchpoints.get(outcome.touchpoint()?);
            touchpoint.map(|one| &one.reasons)
        });
        count(reasons, outcome.reason(), weight);
    }
}

fn count(reasons: Option<&Reasons>, reason: Reason, times: u64) {
    if let Some(count) = reasons.and_then(|reasons| reasons.0.get(reason as usize)) {
        count.fetch_add(times, Ordering::Relaxed);
    }
}

impl Reasons {
    /// What was counted by name, and how much altogether.
    fn take(&self) -> (Vec<(String, u64)>, u64) {
        let counted = Reason::ALL.iter().zip(&self.0);
        let counted = counted.map(|(reason, count)| (reason.as_str().to_owned(), take(count)));
        let counted: Vec<_> = counted.filter(|(_, count)| *count > 0).collect();
        let sum = counted.iter().map(|(_, count)| count).sum();
        (counted, sum)
    }
}

impl Account {
    /// Sums for a bundle that is about to decide.
    pub(crate) fn open(&self, engine: &Engine) -> Arc<Sums> {
        let sums = Arc::new(Sums::of(engine));
        let mut open = self.lock();
        open.close_finished();
        open.sums.push(Arc::clone(&sums));
        sums
    }

    /// What was counted since it was last taken.
    pub(crate) fn take(&self) -> Counts {
        let mut open = self.lock();
        open.close_finished();
        let Open { sums, taken } = &mut *open;
        for sums in &*sums {
            sums.drain(taken);
        }
        mem::take(taken)
    }

    /// Takes back what nobody wanted, for the next time.
    pub(crate) fn give_back(&self, counts: &Counts) {
        let mut open = self.lock();
        open.taken.add(counts);
        open.bound();
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // Every change leaves the sums whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Takes what is left of bundles that no request decides by any more.
    fn close_finished(&mut self) {
        let Self { sums, taken } = self;
        sums.retain(|sums| {
            // INVARIANT: whoever counts holds the bundle with its sums, and nobody gets hold of them again.
            let is_used = Arc::strong_count(sums) > 1;
            if !is_used {
                sums.drain(taken);
            }
            is_used
        });
        self.bound();
    }

    /// Nobody has taken anything for many bundles: what nobody wants is not kept.
    fn bound(&mut self) {
        if self.taken.names() > MAX_NAMES {
            self.taken = Counts::default();
        }
    }
}

fn take(count: &AtomicU64) -> u64 {
    count.swap(0, Ordering::Relaxed)
}

fn add(sums: &mut Named, counts: impl IntoIterator<Item = (String, u64)>) {
    for (name, count) in counts {
        let sum = sums.entry(name).or_default();
        *sum = sum.saturating_add(count);
    }
}
