//! Forgetting a unit.

use std::borrow::Cow;

use attune_core::event::{MAX_UNIT_BYTES, is_unit};
use axum::http::StatusCode;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::Value;

use super::answer::{Answer, json};
use super::may_introspect;
use super::problem::Problem;
use crate::decider::Decider;
use crate::exposure::report::EraseError;

/// What was forgotten.
#[derive(Serialize)]
struct Forgotten {
    /// Whether this decider, or the memory that it shares with others, remembered anything of the unit.
    remembered: bool,
    /// Exposures that waited for the collector.
    exposures: u64,
    /// What the collector erased; absent where the decider has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    collector: Option<Value>,
}

/// `DELETE /v1/units/{unit}`: forgets a unit here and in the memory that deciders share, and lets the collector erase it.
/// Idempotent. Other deciders have memories of their own, which are asked for themselves.
pub(super) async fn forget(decider: &Decider, unit: &str) -> Answer {
    match try_forget(decider, unit).await {
        Ok(forgotten) => json(StatusCode::OK, "application/json", &forgotten),
        Err(problem) => problem.answer(),
    }
}

async fn try_forget(decider: &Decider, unit: &str) -> Result<Forgotten, Problem> {
    let unit = percent_decode_str(unit).decode_utf8().ok().map(Cow::into_owned);
    let unit = unit.filter(|unit| is_unit(unit)).ok_or_else(|| {
        let detail =
            format!("the unit has 1 to {MAX_UNIT_BYTES} bytes without control characters, percent-encoded");
        Problem::new(StatusCode::BAD_REQUEST, detail)
    })?;
    let namespace = {
        let loaded = decider.loaded();
        let loaded = loaded.as_deref().ok_or_else(Problem::no_bundle)?;
        may_introspect(decider, loaded)?;
        loaded.engine.bundle().namespace.clone()
    };
    let remembered = decider.forget(&unit);
    let shared = decider.forget_shared(&unit).await.map_err(|error| {
        let detail = format!("forgotten in memory, but not everywhere: {error}; ask again");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    })?;
    let remembered = remembered || shared;
    let Some(eraser) = decider.eraser() else {
        return Ok(Forgotten {
            remembered,
            exposures: 0,
            collector: None,
        });
    };
    let cleared = eraser
        .erase(&namespace, &unit)
        .await
        .map_err(|error| refused(&error))?;
    Ok(Forgotten {
        remembered,
        exposures: cleared.exposures,
        collector: Some(cleared.collector),
    })
}

/// That the decider has forgotten the unit, and somebody else may not have.
fn refused(error: &EraseError) -> Problem {
    let status = match error {
        EraseError::Queue | EraseError::Rewrite => StatusCode::SERVICE_UNAVAILABLE,
        EraseError::Wait => StatusCode::GATEWAY_TIMEOUT,
        EraseError::Link(_) | EraseError::Send(_) | EraseError::Answer { .. } => StatusCode::BAD_GATEWAY,
    };
    let detail = format!("forgotten in memory, but not everywhere: {error}");
    Problem::new(status, detail)
}
