//! Against a real PostgreSQL, beside the collector's own store with the same events.

use std::time::{Duration, Instant};

use attune_core::event::{Enrolment, Event, EventData, Exposure, Outcome, Property};
use attune_core::measure::{
    ArmQuestion, Direction, EventQuery, Method, MetricKind, MetricQuestion, MetricRole, Question, Source,
    TableSource,
};
use jiff::Timestamp;

use super::*;
use crate::fixture::condition;
use crate::source::{Credentials, StoreSource, observe};
use crate::store::{NewEvent, Store, StoreOptions};

mod agreement;
mod events;
mod failures;
mod secrecy;
mod server;

use events::{Log, at};
use server::{Database, server};

const SECRET: &str = "warehouse";

fn tables() -> TableSource {
    TableSource {
        secret: SECRET.into(),
        table: "outcomes".into(),
        exposures: "attune_exposures".into(),
    }
}

fn events_of(name: &str, value: Option<&str>, filter: Option<&str>) -> EventQuery {
    EventQuery {
        name: name.into(),
        value: value.map(str::to_owned),
        filter: filter.map(condition),
    }
}

fn metric(kind: MetricKind, event: EventQuery) -> MetricQuestion {
    MetricQuestion {
        name: "spend".into(),
        role: MetricRole::Primary,
        denominator: (kind == MetricKind::Ratio).then(|| events_of("session", None, None)),
        kind,
        event,
        window_seconds: 36 * 3600,
        direction: Direction::Increase,
        source: Some(Source::Postgres(tables())),
    }
}

fn question(metric: MetricQuestion) -> Question {
    let arm = |name: &str, control| ArmQuestion {
        name: name.into(),
        weight: 50,
        control,
    };
    Question {
        namespace: "shop".into(),
        experiment: "hero".into(),
        registration: String::new(),
        phase: 2,
        power_bp: 8000,
        covariate: None,
        exclude: Vec::new(),
        earlier: Vec::new(),
        bindings: Vec::new(),
        arms: vec![arm("plain", true), arm("warm", false)],
        metrics: vec![metric],
        method: Method::Continuous,
        alpha_bp: 500,
        planned_units: Some(4000),
        minimum_lift_bp: Some(100),
        thresholds: Vec::new(),
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}
