//! Thresholds on Prometheus queries.
//!
//! Prometheus has no units, so it can prove nothing about an arm. It can say that something is on fire: one instant query
//! that gives one number, compared with a limit. See
//! <https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries>.

use std::time::Duration;

use attune_core::measure::answer::{ThresholdCheck, ThresholdState};
use attune_core::measure::{Direction, Threshold};
use jiff::Timestamp;
use reqwest::{Client, Response, Url, redirect};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use super::tls;

#[cfg(test)]
mod tests;

/// How long all queries may take; they are asked at the same time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Most bytes of an answer: one number needs few, an error message some more.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Why there is no number. As for [`super::SourceError`], nothing of what the server said is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum QueryError {
    #[error("the address of Prometheus is no URL; correct `url`")]
    ParseUrl,
    #[error("the HTTP client cannot be set up")]
    BuildClient,
    #[error("Prometheus cannot be reached; check `url` and the network policies")]
    Ask,
    #[error("Prometheus took longer than {} seconds; make the query cheaper", PATIENCE.as_secs())]
    Wait,
    #[error("Prometheus answered with status {status}; try the query there")]
    Answer { status: u16 },
    #[error("the answer is larger than {MAX_ANSWER_BYTES} bytes; a query gives one number")]
    Bound,
    #[error("the answer is none of Prometheus; check `url`")]
    Read,
    #[error("the query gives no number; its series may be missing or stale")]
    Nothing,
    #[error("the query gives {count} series; aggregate them to one number")]
    Several { count: usize },
    #[error("the query gives a range or a text; ask for one number")]
    Shape,
    #[error("the query gives no finite number")]
    Finite,
}

/// Asks about every threshold, as of `at`, all at the same time.
pub(super) async fn check(thresholds: &[Threshold], at: Timestamp) -> Vec<ThresholdCheck> {
    let until = Instant::now() + PATIENCE;
    let checks = thresholds.iter().map(async |threshold| {
        let answer = timeout_at(until, ask(threshold, at)).await;
        compare(threshold, answer.unwrap_or(Err(QueryError::Wait)))
    });
    super::all(checks).await
}

fn compare(threshold: &Threshold, answer: Result<f64, QueryError>) -> ThresholdCheck {
    let (state, value, message) = match answer {
        Ok(value) => {
            let is_beyond = match threshold.direction {
                Direction::Increase => value < threshold.limit,
                Direction::Decrease => value > threshold.limit,
            };
            let (state, place) = if is_beyond {
                (ThresholdState::Breached, "beyond")
            } else {
                (ThresholdState::Within, "within")
            };
            (
                state,
                Some(value),
                format!("{value} is {place} the limit of {}", threshold.limit),
            )
        }
        Err(error) => (ThresholdState::Unavailable, None, error.to_string()),
    };
    ThresholdCheck {
        metric: threshold.metric.clone(),
        state,
        value,
        limit: threshold.limit,
        message,
    }
}

/// The number that the query gives.
async fn ask(threshold: &Threshold, at: Timestamp) -> Result<f64, QueryError> {
    let client = client(threshold.url.starts_with("https:"))?;
    let query = [("query", threshold.query.as_str()), ("time", &at.to_string())];
    let response = client
        .get(url(&threshold.url, &query)?)
        .send()
        .await
        .map_err(|error| {
            if error.is_timeout() {
                QueryError::Wait
            } else {
                QueryError::Ask
            }
        })?;
    let status = response.status();
    if !status.is_success() {
        return Err(QueryError::Answer {
            status: status.as_u16(),
        });
    }
    number(&read(response).await?)
}

/// The query's address below the base that a metric names.
fn url(base: &str, query: &[(&str, &str)]) -> Result<Url, QueryError> {
    let mut url: Url = base.parse().map_err(|_| QueryError::ParseUrl)?;
    url.path_segments_mut()
        .map_err(|()| QueryError::ParseUrl)?
        .pop_if_empty()
        .extend(["api", "v1", "query"]);
    url.query_pairs_mut().extend_pairs(query);
    Ok(url)
}

/// A client that goes where it is told and nowhere else.
fn client(needs_tls: bool) -> Result<Client, QueryError> {
    let builder = Client::builder()
        .timeout(PATIENCE)
        .redirect(redirect::Policy::none())
        .no_proxy();
    let trusted = match tls::client(None) {
        Some(config) => config,
        None if needs_tls => return Err(QueryError::BuildClient),
        None => tls::nobody().ok_or(QueryError::BuildClient)?,
    };
    let built = builder.tls_backend_preconfigured(trusted).build();
    built.map_err(|_| QueryError::BuildClient)
}

async fn read(mut response: Response) -> Result<Vec<u8>, QueryError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_ANSWER_BYTES => return Err(QueryError::Bound),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) if error.is_timeout() => return Err(QueryError::Wait),
            Err(_) => return Err(QueryError::Ask),
        }
    }
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    result_type: String,
    #[serde(borrow)]
    result: &'a RawValue,
}

#[derive(Deserialize)]
struct Series {
    value: Sample,
}

/// The time, and the number as a text.
#[derive(Deserialize)]
struct Sample(
    #[expect(dead_code, reason = "only the number is of use")] f64,
    String,
);

fn number(body: &[u8]) -> Result<f64, QueryError> {
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| QueryError::Read)?;
    let result = answer.data.result.get();
    let sample: Sample = match answer.data.result_type.as_str() {
        "scalar" => serde_json::from_str(result).map_err(|_| QueryError::Read)?,
        "vector" => {
            let series: Vec<Series> = serde_json::from_str(result).map_err(|_| QueryError::Read)?;
            match <[Series; 1]>::try_from(series) {
                Ok([one]) => one.value,
                Err(none) if none.is_empty() => return Err(QueryError::Nothing),
                Err(several) => {
                    return Err(QueryError::Several { count: several.len() });
                }
            }
        }
        _ => return Err(QueryError::Shape),
    };
    let number: f64 = sample.1.parse().map_err(|_| QueryError::Read)?;
    if number.is_finite() {
        Ok(number)
    } else {
        Err(QueryError::Finite)
    }
}
