//! Whether the units that there are can show the minimum lift.
//!
//! Nothing that is declared says how often people respond, so the most favourable case of practice is taken: every second one
//! does (as a mean: a standard deviation as large as the mean). What cannot be seen even then cannot be seen; what can be seen
//! then may still take more, which `attune plan-experiment` tells once the figure is known.

use std::collections::BTreeSet;

use attune_api::program::Kpi;
use attune_api::results::AnalysisMethod;
use attune_core::bundle::{Bundle, ExperimentMode};
use attune_lift::Method;
use attune_lift::planner::Plan;
use jiff::Timestamp;

use crate::coverage::{Coverage, Engines};
use crate::snapshot::Snapshot;

/// All of a share, in basis points.
const ALL: f64 = 10_000.0;

/// A comparison that covers an audience.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What makes it: a holdout or an experiment, by name.
    pub name: String,
    /// Share of the audience's units that are compared, both sides together.
    pub share: f64,
    /// Share of those that are control.
    pub control_share: f64,
    /// The design.
    pub method: Method,
    /// Two-sided level.
    pub alpha: f64,
    /// Chance to see the minimum lift.
    pub power: f64,
    /// Least relative lift worth having, as a fraction.
    pub minimum_lift: f64,
}

impl Comparison {
    /// Units of both sides, of an audience of so many.
    pub fn units(&self, reach: u64) -> f64 {
        reach as f64 * self.share
    }

    /// Units of both sides that show the minimum lift if every second one responds; `None` where no number does.
    pub fn needed(&self) -> Option<u64> {
        let control = 0.5_f64;
        let treatment = (control * (1.0 + self.minimum_lift)).min(1.0);
        let mut plan = Plan::for_proportions(self.method, control, treatment);
        plan.alpha = self.alpha;
        plan.power = self.power;
        plan.control_share = self.control_share;
        plan.units_needed(control * self.minimum_lift).ok()
    }
}

/// The holdouts of a Program, and the running experiments on what it shows an audience.
pub fn comparisons(
    (snapshot, engines): (&Snapshot, &Engines),
    coverage: &Coverage<'_>,
    bindings: &BTreeSet<(&str, &str)>,
    audience: &str,
    at: Timestamp,
) -> Vec<Comparison> {
    let mut found: Vec<Comparison> = Vec::new();
    let channels: BTreeSet<&str> = bindings.iter().map(|(channel, _)| *channel).collect();
    for channel in channels {
        let Some(bundle) = engines.get(channel).map(|engine| engine.bundle()) else {
            continue;
        };
        let names: Vec<&str> = bindings
            .iter()
            .filter(|(known, _)| *known == channel)
            .map(|(_, binding)| *binding)
            .filter(|binding| {
                bundle
                    .bindings
                    .get(*binding)
                    .is_some_and(|known| known.program == coverage.name)
            })
            .collect();
        if !names.is_empty() {
            found.extend(holdouts(bundle, coverage, at));
            found.extend(experiments((snapshot, bundle), coverage, &names, audience, at));
        }
    }
    found.dedup();
    found
}

/// A holdout is compared with a slice of the same size, and looked at at any time.
fn holdouts(bundle: &Bundle, coverage: &Coverage<'_>, at: Timestamp) -> Vec<Comparison> {
    let program = bundle.programs.get(coverage.name);
    let holdouts = program.into_iter().flat_map(|program| &program.holdouts);
    let holding = holdouts.filter_map(|name| Some((name, bundle.holdouts.get(name)?)));
    holding
        .filter(|(_, holdout)| holdout.period.contains(at))
        .map(|(name, holdout)| Comparison {
            name: format!("holdout `{name}`"),
            share: (2.0 * f64::from(holdout.share_bp) / ALL).min(1.0),
            control_share: 0.5,
            method: Method::Continuous,
            alpha: 0.05,
            power: 0.8,
            minimum_lift: minimum_lift(&coverage.program.spec.kpi),
        })
        .collect()
}

fn experiments(
    (snapshot, bundle): (&Snapshot, &Bundle),
    coverage: &Coverage<'_>,
    bindings: &[&str],
    audience: &str,
    at: Timestamp,
) -> Vec<Comparison> {
    let running = bundle.experiments.iter().filter(|(_, one)| {
        one.mode == ExperimentMode::Split
            && one.schedule.contains(at)
            && one.bindings.iter().any(|name| bindings.contains(&name.as_str()))
            && (one.audiences.is_empty() || one.audiences.iter().any(|name| name == audience))
    });
    running
        .filter_map(|(name, one)| {
            let total: f64 = one.arms.iter().map(|arm| f64::from(arm.weight)).sum();
            let control: f64 = one
                .arms
                .iter()
                .filter(|arm| arm.control)
                .map(|arm| f64::from(arm.weight))
                .sum();
            let others = one
                .arms
                .iter()
                .filter(|arm| !arm.control)
                .map(|arm| f64::from(arm.weight));
            let largest = others.fold(0.0, f64::max);
            let width = one
                .exclusion
                .as_ref()
                .map_or(ALL, |range| f64::from(range.to_bp.saturating_sub(range.from_bp)));
            let pair = control + largest;
            let analysis = &snapshot.experiments.get(name)?.spec.analysis;
            (control > 0.0 && largest > 0.0 && total > 0.0).then(|| Comparison {
                name: format!("experiment `{name}`"),
                share: pair / total * f64::from(one.traffic_bp) / ALL * width / ALL,
                control_share: control / pair,
                method: method(analysis.method()),
                alpha: analysis.alpha(),
                power: analysis.power(),
                minimum_lift: minimum_lift(&coverage.program.spec.kpi),
            })
        })
        .collect()
}

/// The design of a registered analysis.
const fn method(method: AnalysisMethod) -> Method {
    match method {
        AnalysisMethod::Fixed => Method::Fixed,
        AnalysisMethod::Planned => Method::Planned,
        AnalysisMethod::Continuous => Method::Continuous,
    }
}

fn minimum_lift(kpi: &Kpi) -> f64 {
    f64::from(kpi.minimum_lift_bp.get_i32()) / ALL
}
