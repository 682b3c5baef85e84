//! The form of an answer.

use attune_lift::{Analysis, Figures, NoAdjustment, NoPercentage, Unadjusted};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::question::Asked;

/// An answer in JSON. A figure that is not shown is `null`, and a reason stands beside it; nothing is ever `NaN`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'l> {
    id: &'l RawValue,
    absolute: Option<Shown>,
    relative: Option<Shown>,
    /// Why there is no relative figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    relative_reason: Option<&'static str>,
    variance_kept: Option<f64>,
    /// Why a covariate was not used, where one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_adjustment: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unadjusted: Option<Plain>,
    /// A claim before the planned end: its estimate is larger than the truth on average.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    inflated: bool,
    verdict: &'static str,
    reason: &'static str,
    method: &'static str,
    n: u64,
}

/// A line that is no question.
#[derive(Debug, Serialize)]
pub(super) struct Refusal<'a> {
    pub(super) id: Option<&'a RawValue>,
    pub(super) error: &'a str,
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(serialize_with = "digits")]
    estimate: f64,
    #[serde(serialize_with = "digits")]
    low: f64,
    #[serde(serialize_with = "digits")]
    high: f64,
    p: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<f64>,
}

/// The figures without the covariate, beside those with it.
#[derive(Debug, Serialize)]
struct Plain {
    absolute: Option<Shown>,
    relative: Option<Shown>,
}

impl<'l> Answer<'l> {
    pub(super) fn new(asked: &Asked<'l>, analysis: &Analysis) -> Self {
        let given = analysis.no_adjustment.filter(|_| asked.has_covariate());
        Self {
            id: asked.id,
            absolute: analysis.absolute.and_then(Shown::new),
            relative: analysis.relative.ok().and_then(Shown::new),
            relative_reason: analysis.relative.err().map(NoPercentage::as_str),
            variance_kept: analysis.variance_kept,
            no_adjustment: given.map(NoAdjustment::as_str),
            unadjusted: analysis.unadjusted.map(Plain::from),
            inflated: analysis.inflated,
            verdict: analysis.verdict.as_str(),
            reason: analysis.reason.as_str(),
            method: analysis.method.as_str(),
            n: analysis.n,
        }
    }
}

impl Shown {
    fn new(figures: Figures) -> Option<Self> {
        let Figures {
            estimate,
            low,
            high,
            p,
            e,
        } = figures;
        let finite = [estimate, low, high, p].iter().all(|figure| figure.is_finite());
        finite.then_some(Self {
            estimate,
            low,
            high,
            p,
            e: e.filter(|e| e.is_finite()),
        })
    }
}

impl From<Unadjusted> for Plain {
    fn from(unadjusted: Unadjusted) -> Self {
        Self {
            absolute: Shown::new(unadjusted.absolute),
            relative: unadjusted.relative.ok().and_then(Shown::new),
        }
    }
}

/// A negative zero is a zero.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn digits<S: Serializer>(figure: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(if *figure == 0.0 { 0.0 } else { *figure })
}

/// An answer for a person, on one line.
pub(super) fn text(id: &RawValue, analysis: &Analysis) -> String {
    let mut parts = vec![format!("{} ({})", analysis.verdict, analysis.reason)];
    if let Some(figures) = analysis.absolute {
        let Figures {
            estimate,
            low,
            high,
            p,
            ..
        } = figures;
        parts.push(format!("absolute {estimate:+.6} [{low:+.6}, {high:+.6}]"));
        parts.push(match analysis.relative {
            Ok(Figures {
                estimate, low, high, ..
            }) => {
                let [estimate, low, high] = [estimate, low, high].map(|share| 100.0 * share);
                format!("relative {estimate:+.2} % [{low:+.2} %, {high:+.2} %]")
            }
            Err(reason) => format!("no percentage: {reason}"),
        });
        parts.push(if p < 1e-4 {
            "p < 0.0001".to_owned()
        } else {
            format!("p = {p:.4}")
        });
    }
    if let Some(kept) = analysis.variance_kept {
        parts.push(format!(
            "the covariate leaves {:.0} % of the variance",
            100.0 * kept
        ));
    }
    if analysis.inflated {
        parts.push("an early claim is inflated".to_owned());
    }
    format!(
        "{}: {}; {} units, {}",
        id.get(),
        parts.join("; "),
        analysis.n,
        analysis.method.as_str()
    )
}
