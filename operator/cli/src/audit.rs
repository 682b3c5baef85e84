//! `attune audit`: what groups of people get, compared.
//!
//! The share of each group that gets a module, an arm or the baseline stands with Wilson's interval; its difference from the share
//! of all others with Newcombe's. All intervals together hold with 95 % (Bonferroni over the comparisons).

mod render;
mod tally;
#[cfg(test)]
mod tests;

use attune_lift::contrast::{ArmFigure, Contrast};
use attune_lift::difference::{Bounds, wilson};
use attune_lift::special::normal_quantile;
use serde::Serialize;

pub(crate) use render::{Audit, json, text};
pub(crate) use tally::Tally;

/// Two-sided level of all intervals together.
const ALPHA: f64 = 0.05;

/// One group's share of something at one touchpoint.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line<'t> {
    pub(crate) namespace: &'t str,
    pub(crate) channel: &'t str,
    pub(crate) touchpoint: &'t str,
    /// `module hero`, `arm cart-hero/control`, `baseline`, `code default`.
    pub(crate) gets: &'t str,
    pub(crate) group: &'t str,
    /// How many of the group get it, of how many.
    pub(crate) people: u64,
    pub(crate) of: u64,
    pub(crate) share: f64,
    pub(crate) interval: [f64; 2],
    /// Its share less that of all others.
    pub(crate) difference: f64,
    pub(crate) difference_interval: [f64; 2],
    /// Whether the whole interval lies beyond the bound.
    pub(crate) is_flagged: bool,
}

/// Compares each group with all others, wherever anybody gets anything.
pub(crate) fn lines(tally: &Tally, bound: f64) -> Vec<Line<'_>> {
    let comparisons = tally
        .items()
        .map(|(_, counts)| counts.len().max(tally.groups().len()))
        .sum::<usize>()
        .max(1);
    let critical = -normal_quantile(0.5 * ALPHA / comparisons as f64);
    let total: u64 = tally.groups().values().sum();
    let mut lines = Vec::new();
    for (item, counts) in tally.items() {
        let all: u64 = counts.values().sum();
        for (group, of) in tally.groups() {
            let people = counts.get(group).copied().unwrap_or(0);
            let (others, of_others) = (all - people, total - of);
            if *of == 0 || of_others == 0 {
                continue;
            }
            let (own, other) = (figure(people, *of), figure(others, of_others));
            let bounds = Bounds::newcombe(Contrast::of(&other, &own), critical, of_others, *of);
            let share = wilson(own.value, *of as f64, critical);
            let difference = bounds.against(1.0);
            lines.push(Line {
                namespace: &item.namespace,
                channel: &item.channel,
                touchpoint: &item.touchpoint,
                gets: &item.gets,
                group,
                people,
                of: *of,
                share: own.value,
                interval: [share.low, share.high],
                difference: own.value - other.value,
                difference_interval: [difference.low, difference.high],
                is_flagged: difference.low > bound || difference.high < -bound,
            });
        }
    }
    lines
}

fn figure(people: u64, of: u64) -> ArmFigure {
    let share = people as f64 / of as f64;
    ArmFigure {
        value: share,
        variance: share * (1.0 - share) / of as f64,
        n: of,
    }
}
