//! From rows to what a phase shows.

use attune_core::measure::{MetricKind, MetricQuestion, Question, TableSource};
use attune_lift::{ArmMoments, Companion, Moments, MomentsError};
use std::collections::BTreeMap;
use tokio_postgres::Row;

use super::query::MAX_ROWS;
use crate::analysis::{ArmCount, Observed};
use crate::source::{PhaseSizes, SourceError};

/// One arm on one day.
struct Line {
    moments: bool,
    arm: String,
    day: i64,
    units: i64,
    counted: i64,
    special: i64,
    x: (f64, f64),
    y: (f64, f64),
    co: f64,
}

/// The sizes and the moments of one phase.
pub(super) fn of_phase(
    (question, phase): (&Question, i32),
    metric: &MetricQuestion,
    tables: &TableSource,
    rows: &[Row],
) -> Result<(PhaseSizes, Observed), SourceError> {
    if rows.len() > MAX_ROWS {
        return Err(SourceError::BoundAnswer {
            table: tables.exposures.clone(),
            limit: MAX_ROWS,
        });
    }
    let unreadable = || SourceError::ReadAnswer {
        table: tables.table.clone(),
    };
    let lines = rows.iter().map(line).collect::<Result<Vec<_>, _>>();
    let lines = lines.map_err(|_| unreadable())?;
    let unusable: i64 = lines
        .iter()
        .filter(|line| line.moments)
        .map(|line| line.special)
        .sum();
    if unusable > 0 {
        return Err(SourceError::CheckValues {
            table: tables.table.clone(),
            count: unusable,
        });
    }
    let mut observed = Observed::new(metric.kind, question.arms.len());
    for line in lines.iter().filter(|line| line.moments) {
        let Some(place) = question.arms.iter().position(|arm| arm.name == line.arm) else {
            continue;
        };
        let moments = moments(metric.kind, line).map_err(|_| unreadable())?;
        let counts = (unsigned(line.units), unsigned(line.counted));
        observed
            .add(place, line.day, counts, moments)
            .map_err(|_| unreadable())?;
    }
    Ok((sizes((question, phase), lines), observed))
}

/// The sizes of the arms, whole and by day. Who crossed over is counted in arms that are known.
fn sizes((question, phase): (&Question, i32), lines: Vec<Line>) -> PhaseSizes {
    let mut arms: BTreeMap<String, ArmCount> = BTreeMap::new();
    let mut entered = BTreeMap::new();
    for line in lines.into_iter().filter(|line| !line.moments) {
        let arm = arms
            .entry(line.arm.clone())
            .or_insert_with(|| ArmCount::new(line.arm.clone()));
        arm.exposed = arm.exposed.saturating_add(unsigned(line.units));
        arm.matured = arm.matured.saturating_add(unsigned(line.counted));
        if question.arms.iter().any(|known| known.name == line.arm) {
            arm.crossed_over = arm.crossed_over.saturating_add(unsigned(line.special));
        }
        entered.insert((line.day, line.arm), unsigned(line.units));
    }
    PhaseSizes {
        phase,
        arms: arms.into_values().collect(),
        entered,
    }
}

fn line(row: &Row) -> Result<Line, tokio_postgres::Error> {
    Ok(Line {
        moments: row.try_get(0)?,
        arm: row.try_get(1)?,
        day: row.try_get(2)?,
        units: row.try_get(3)?,
        counted: row.try_get(4)?,
        special: row.try_get(5)?,
        x: (row.try_get(6)?, row.try_get(7)?),
        y: (row.try_get(8)?, row.try_get(9)?),
        co: row.try_get(10)?,
    })
}

fn moments(kind: MetricKind, line: &Line) -> Result<ArmMoments, MomentsError> {
    let (units, non_zero) = (unsigned(line.units), unsigned(line.counted));
    if kind == MetricKind::Proportion {
        return ArmMoments::proportion(units, non_zero);
    }
    let outcome = Moments::from_parts(units, line.x.0, line.x.1)?;
    let arm = ArmMoments::new(outcome);
    let arm = if kind == MetricKind::Ratio {
        arm.with_denominator(Companion::from_parts(&outcome, line.y.0, line.y.1, line.co)?)
    } else {
        arm
    };
    arm.with_non_zero(non_zero)
}

/// A count is never negative.
fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
