//! Whether a lift wears off: the weeks of a metric's window one by one.

use attune_core::measure::answer::{self, NoveltyWeek};
use attune_lift::novelty::novelty_of_phases;
use attune_lift::{Analysis, Look, Question};

use super::answer::{MetricResult, ResultReason, Summary};
use super::compare::Pair;

/// Puts the weeks on a result; where the lift wears off, its figures and its verdict become those of the latest week.
pub(super) fn show(
    pair: &Pair<'_>,
    asked: &Question,
    weeks: &[Vec<Look>],
    overall: &Analysis,
    result: &mut MetricResult,
) {
    // A question that cannot be analysed week by week could not be analysed as a whole either.
    let Ok(novelty) = novelty_of_phases(asked, weeks) else {
        return;
    };
    let falling = novelty.trend.is_some_and(|trend| trend.falling);
    let latest = novelty.verdict_from(overall);
    if let Some(week) = novelty
        .latest
        .filter(|_| falling)
        .and_then(|latest| weeks.get(latest))
    {
        result.control = Summary::combined(week, |look| &look.control);
        result.treatment = Summary::combined(week, |look| &look.treatment);
        result.phases = match week.as_slice() {
            [_] => Vec::new(),
            several => several.iter().map(Into::into).collect(),
        };
        pair.show(result, latest);
        result.explain(ResultReason::WearsOff(latest.reason));
    }
    let week = |(number, block): (u32, &Analysis)| NoveltyWeek {
        week: number,
        n: block.n,
        absolute: block.absolute.map(figures),
    };
    result.novelty = Some(answer::Novelty {
        weeks: (1..).zip(&novelty.blocks).map(week).collect(),
        slope: novelty.trend.map(|trend| answer::Figures {
            estimate: trend.slope,
            low: Some(trend.low),
            high: Some(trend.high),
            p: Some(trend.p),
        }),
        falling,
    });
}

/// Figures as readers of answers know them.
pub(super) fn figures(figures: attune_lift::Figures) -> answer::Figures {
    answer::Figures {
        estimate: figures.estimate,
        low: Some(figures.low),
        high: Some(figures.high),
        p: Some(figures.p),
    }
}
