//! What a holdout shows: onto the Holdout, and onto each Program that it holds back.

use std::collections::BTreeMap;

use attune_api::conditions::{ConditionType, Reason};
use attune_api::holdout::HoldoutStatus;
use attune_api::program::ProgramStatus;
use attune_api::results::{IncrementalValue, LiftSummary};
use attune_api::{Holdout, Kind, ObjectName};
use attune_core::measure::MetricRole;
use attune_core::measure::holdout::{Contamination, HoldoutAnswer, HoldoutResult, Incremental, ScopeAnswer};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{count, interval, percent, plain, timeless_conditions, verdict, without};
use crate::figures::fields;
use crate::status::with_figures;
use crate::verdict::{Judged, Truth};

#[cfg(test)]
mod tests;

/// The most lifts that a status lists.
const MAX_LIFTS: usize = 32;

/// What values are counted in, by metric.
pub type Units = BTreeMap<String, String>;

/// Renders an answer onto the status of its Holdout.
pub fn render(
    answer: &HoldoutAnswer,
    holdout: &Holdout,
    units: &Units,
    old: &Value,
    now: Timestamp,
) -> Value {
    let lifts = answer.scopes.iter().flat_map(|scope| {
        let results = scope.results.iter();
        results.filter_map(move |result| lift(answer, scope, result, units))
    });
    let figures = HoldoutStatus {
        observed_bp: answer.observed_share_bp.map(whole),
        lift: lifts.take(MAX_LIFTS).collect(),
        ..HoldoutStatus::default()
    };
    with_figures(&[intact(answer)], &figures, holdout.metadata.generation, old, now)
}

/// Renders what an answer says of one program's KPI, as the field of its status; `None` where it says nothing.
pub fn render_program(answer: &HoldoutAnswer, program: &str, units: &Units) -> Option<Value> {
    let is_its = |scope: &&ScopeAnswer| scope.program.as_deref() == Some(program);
    let scope = answer.scopes.iter().find(is_its)?;
    let kpi = scope
        .results
        .iter()
        .find(|result| result.role == MetricRole::Primary)?;
    let figures = ProgramStatus {
        lift: Some(lift(answer, scope, kpi, units)?),
        ..ProgramStatus::default()
    };
    Some(Value::Object(fields(&figures)))
}

/// Whether what stands on a Holdout or a Program says what `rendered` says, whatever the time.
pub fn says_the_same(kind: Kind, standing: &Value, rendered: &Value) -> bool {
    let own = |status: &Value| {
        let lift = match status.get("lift") {
            Some(one @ Value::Object(_)) => without(Some(&json!([one])), "asOf"),
            list => without(list, "asOf"),
        };
        plain(json!([
            timeless_conditions(kind, status),
            status.get("observedBp"),
            lift
        ]))
    };
    own(standing) == own(rendered)
}

fn lift(
    answer: &HoldoutAnswer,
    scope: &ScopeAnswer,
    result: &HoldoutResult,
    units: &Units,
) -> Option<LiftSummary> {
    let program = scope.program.as_deref().map(str::parse::<ObjectName>);
    let shown = result.relative.and_then(|relative| {
        let (low, high) = (percent(relative.low?), percent(relative.high?));
        Some(format!("{} [{low}, {high}]", percent(relative.estimate)))
    });
    Some(LiftSummary {
        program: program.transpose().ok()?,
        metric: result.metric.parse().ok()?,
        verdict: verdict(result.verdict),
        reason: Some(result.message.chars().take(512).collect::<String>()).filter(|text| !text.is_empty()),
        absolute: result.absolute.map(interval),
        relative: result.relative.map(interval),
        percent: shown,
        incremental: result
            .incremental
            .map(|incremental| value(incremental, units.get(&result.metric))),
        held_units: count(result.held.n),
        exposed_units: count(result.slice.n),
        slice_in_baseline_bp: scope.slice_in_baseline_bp.map(whole),
        as_of: Some(answer.as_of.into()),
    })
}

fn value(incremental: Incremental, unit: Option<&String>) -> IncrementalValue {
    let Incremental {
        units,
        estimate,
        low,
        high,
    } = incremental;
    let unit = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    IncrementalValue {
        units: count(units),
        estimate,
        low,
        high,
        text: format!(
            "{}{unit} [{}, {}]",
            grouped(estimate),
            grouped(low),
            grouped(high)
        ),
    }
}

/// A total as people read it: `+12,300`; small ones with two decimals.
fn grouped(total: f64) -> String {
    if total.abs() < 100.0 {
        return format!("{total:+.2}");
    }
    let digits = format!("{:.0}", total.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    let sign = if total < 0.0 { '-' } else { '+' };
    format!("{sign}{text}")
}

/// Whether held units were left alone, over everything that the holdout holds back.
fn intact(answer: &HoldoutAnswer) -> Judged {
    let type_ = ConditionType::Intact;
    let units = answer.units;
    if units.held == 0 {
        return Judged::new(
            type_,
            Truth::Unknown,
            Reason::NotStarted,
            "no held unit was seen yet",
        );
    }
    let rank = |contamination| match contamination {
        Contamination::Clean => 0,
        Contamination::Suspect => 1,
        Contamination::Refused => 2,
    };
    // Of several alike the first, which is the whole.
    let scopes = answer.scopes.iter().rev();
    let Some(worst) = scopes.max_by_key(|scope| rank(scope.contamination)) else {
        return Judged::new(type_, true, Reason::Intact, "");
    };
    let (bound, refused) = match worst.contamination {
        Contamination::Clean => return Judged::new(type_, true, Reason::Intact, ""),
        Contamination::Suspect => ("0.1 %", false),
        Contamination::Refused => ("1 %", true),
    };
    let of_program = worst.program.as_ref();
    let of_program = of_program.map(|program| format!(" of program `{program}`"));
    let of_program = of_program.unwrap_or_default();
    let units = worst.units;
    let withheld = if refused { ": no lift is shown" } else { "" };
    let then = if refused { ", then begin a new period" } else { "" };
    let message = if units.misplaced > units.contaminated {
        format!(
            "{} units{of_program} were held by another salt or share than this, more than {bound}{withheld}; see to it that \
             all channels run these rules{then}",
            units.misplaced
        )
    } else {
        format!(
            "{} of {} held units{of_program} were personalized, more than {bound}{withheld}; look for a channel that decides \
             by itself{then}",
            units.contaminated, units.held
        )
    };
    Judged::new(type_, false, Reason::Contaminated, message)
}

/// Basis points are shown whole.
#[expect(clippy::cast_possible_truncation, reason = "bounded before")]
fn whole(basis_points: f64) -> i32 {
    basis_points.round().clamp(0.0, 10_000.0) as i32
}
