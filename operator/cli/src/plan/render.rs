//! A plan for a person and for a program.

use attune_lift::{Direction, MetricKind};
use serde::Serialize;

use super::design::{Baseline, Design, days};
use super::{Brief, Planned};
use crate::table::align;

/// The plan with what it was made from.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'p> {
    #[serde(skip_serializing_if = "Option::is_none")]
    experiment: Option<&'p str>,
    #[serde(rename = "type")]
    type_: &'static str,
    direction: &'static str,
    method: &'static str,
    minimum_lift: f64,
    alpha: f64,
    power: f64,
    arms: Vec<ArmShare<'p>>,
    units_per_day: Option<f64>,
    units_available: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_days: Option<f64>,
    #[serde(flatten)]
    planned: &'p Planned,
}

#[derive(Serialize)]
struct ArmShare<'p> {
    name: &'p str,
    weight: f64,
}

/// One JSON object.
pub(crate) fn json(brief: &Brief, planned: &Planned) -> serde_json::Result<String> {
    let document = Document {
        experiment: brief.title.as_deref(),
        type_: type_(brief),
        direction: direction(brief),
        method: brief.method.as_str(),
        minimum_lift: brief.minimum_lift,
        alpha: brief.alpha,
        power: brief.power,
        arms: brief
            .arms
            .iter()
            .map(|(name, weight)| ArmShare {
                name,
                weight: *weight,
            })
            .collect(),
        units_per_day: brief.units_per_day,
        units_available: brief.available,
        window_days: brief.window_days,
        planned,
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// A head line, a table and what follows from it.
pub(crate) fn text(brief: &Brief, planned: &Planned) -> String {
    let mut text = head(brief, planned);
    text.push('\n');
    text.push_str(&table(brief, planned));
    text.push('\n');
    for line in remarks(brief, planned) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn type_(brief: &Brief) -> &'static str {
    match brief.metric {
        MetricKind::Proportion => "proportion",
        MetricKind::Mean => "mean",
        MetricKind::Ratio => "ratio",
    }
}

fn direction(brief: &Brief) -> &'static str {
    match brief.direction {
        Direction::Increase => "increase",
        Direction::Decrease => "decrease",
    }
}

fn head(brief: &Brief, planned: &Planned) -> String {
    let mut parts = vec![format!(
        "{} of {} of a {}",
        direction(brief),
        percent(brief.minimum_lift),
        type_(brief)
    )];
    let alpha = if brief.arms.len() > 2 {
        let others = brief.arms.len() - 1;
        format!(
            "alpha {} for each of {others} treatments ({} over all)",
            percent(planned.alpha_each),
            percent(brief.alpha)
        )
    } else {
        format!("alpha {}", percent(brief.alpha))
    };
    parts.push(alpha);
    parts.push(format!("power {}", percent(brief.power)));
    if brief.correlation != 0.0 {
        parts.push(format!("covariate with correlation {}", brief.correlation));
    }
    if let Some(units) = brief.units_per_day {
        parts.push(format!("{} units a day", figure(units)));
    }
    let title = brief.title.as_ref().map(|title| format!("{title}: "));
    format!("{}{}\n", title.unwrap_or_default(), parts.join(", "))
}

fn table(brief: &Brief, planned: &Planned) -> String {
    let mut header: Vec<String> = ["BASELINE", "DESIGN", "UNITS"].map(str::to_owned).to_vec();
    header.extend(brief.arms.iter().map(|(name, _)| name.to_uppercase()));
    if brief.units_per_day.is_some() {
        header.push("DAYS".to_owned());
    }
    header.extend(["FIRST LOOK", "WORTHWHILE", "EVEN CHANCE"].map(str::to_owned));
    if let Some(units) = brief.available {
        header.push(format!("FOUND WITH {units}"));
    }
    let mut rows = vec![header];
    for baseline in &planned.baselines {
        for (index, design) in baseline.designs.iter().enumerate() {
            rows.push(row(brief, baseline, design, index == 0));
        }
    }
    align(&rows)
}

fn row(brief: &Brief, baseline: &Baseline, design: &Design, first: bool) -> Vec<String> {
    let count = |units: Option<u64>| units.map_or_else(|| "-".to_owned(), |units| units.to_string());
    let shown = match brief.metric {
        MetricKind::Proportion => percent(baseline.figure),
        MetricKind::Mean | MetricKind::Ratio => figure(baseline.figure),
    };
    let mut row = vec![
        if first { shown } else { String::new() },
        format!("{}{}", design.method, if design.chosen { " *" } else { "" }),
        count(design.units),
    ];
    let arms = brief.arms.iter().enumerate();
    row.extend(arms.map(|(index, _)| count(design.units_per_arm.get(index).copied())));
    if brief.units_per_day.is_some() {
        row.push(count(design.days));
    }
    row.push(count(design.looks.and_then(|looks| looks.first)));
    row.push(count(design.looks.and_then(|looks| looks.worthwhile)));
    row.push(count(design.looks.and_then(|looks| looks.even)));
    if let Some(found) = design.detectable {
        row.push(percent(found.relative));
    }
    row
}

fn remarks(brief: &Brief, planned: &Planned) -> Vec<String> {
    let mut remarks = vec![
        "* the chosen design. From WORTHWHILE on a look has one chance in ten to show the least lift, before it hardly any."
            .to_owned(),
    ];
    if let Some(window) = brief.window_days {
        remarks.push(format!(
            "The last outcomes count {} days after the last unit has come: the metric's window.",
            figure(window)
        ));
    }
    if brief.metric != MetricKind::Proportion {
        remarks.push(
            "A continuous design also waits for 25 outcomes other than zero in each arm before its first look."
                .to_owned(),
        );
    }
    for baseline in &planned.baselines {
        let chosen = baseline.designs.iter().find(|design| design.chosen);
        if let Some(remark) = chosen.and_then(|design| shortfall(brief, baseline, design)) {
            remarks.push(remark);
        }
    }
    remarks
}

/// That the units that there are do not do, and what would.
fn shortfall(brief: &Brief, baseline: &Baseline, design: &Design) -> Option<String> {
    let at = match brief.metric {
        MetricKind::Proportion => percent(baseline.figure),
        MetricKind::Mean | MetricKind::Ratio => figure(baseline.figure),
    };
    let Some(needed) = design.units else {
        return Some(format!(
            "At a baseline of {at} no number of units shows this lift."
        ));
    };
    let available = brief.available.filter(|available| *available < needed)?;
    let longer = brief.units_per_day.map(|a_day| {
        let more = days(needed, a_day).saturating_sub(days(available, a_day));
        format!(" {more} more days,")
    });
    Some(format!(
        "At a baseline of {at} {available} units cannot conclude: {needed} are needed. Plan{} more traffic or a larger lift.",
        longer.unwrap_or_default()
    ))
}

fn percent(share: f64) -> String {
    format!("{} %", figure(100.0 * share))
}

/// Three significant digits below a hundred, whole above.
fn figure(value: f64) -> String {
    let digits = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 1.0 {
        2
    } else {
        4
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}
