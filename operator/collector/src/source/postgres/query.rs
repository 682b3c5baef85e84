//! The one query.

use attune_core::expr::Expression;
use attune_core::measure::{EventQuery, MetricKind, MetricQuestion, Question};
use jiff::Timestamp;

use super::columns::{Exposures, Outcomes};
use super::condition::{MAX_NUMBER, MAX_PARAMETERS, Parameters, Translation, json_number, property};
use crate::analysis::DAY;
use crate::source::SourceError;
use crate::store::micros;

/// Most rows that are read: an arm and a day each, twice.
pub(super) const MAX_ROWS: usize = 100_000;

/// Longer names are no arm's.
const MAX_ARM: usize = attune_core::event::MAX_NAME_BYTES + 1;

/// A query with its parameters.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) text: String,
    pub(super) parameters: Parameters,
}

/// A microsecond as SQL multiplies it.
const MICROSECOND: &str = "interval '1 microsecond'";

impl Query {
    /// The query for one metric over tables whose columns are known.
    ///
    /// # Errors
    /// When a column is missing that the metric needs, or its condition cannot be stated.
    pub(super) fn new(
        (question, phase): (&Question, i32),
        metric: &MetricQuestion,
        (outcomes, exposures): (&Outcomes, &Exposures),
        at: Timestamp,
    ) -> Result<Self, SourceError> {
        let mut parameters = Parameters::default();
        let mut builder = Builder {
            question,
            phase,
            metric,
            outcomes,
            at: parameters.whole(micros(at)),
            window: parameters.whole(metric.window_seconds.max(0).saturating_mul(1_000_000)),
            parameters,
        };
        let entered = builder.entered(exposures);
        let above = builder.sums("above", &metric.event)?;
        let below = match (metric.kind, &metric.denominator) {
            (MetricKind::Ratio, Some(query)) => Some(builder.sums("below", query)?),
            _ => None,
        };
        let text = builder.whole(&entered, &above, below.as_deref());
        if !builder.parameters.are_fit() {
            return Err(SourceError::BoundCondition {
                metric: metric.name.clone(),
                limit: MAX_PARAMETERS,
            });
        }
        Ok(Self {
            text,
            parameters: builder.parameters,
        })
    }
}

struct Builder<'a> {
    question: &'a Question,
    phase: i32,
    metric: &'a MetricQuestion,
    outcomes: &'a Outcomes,
    /// SQL of the data cut, in microseconds since 1970.
    at: String,
    /// SQL of the window's length in microseconds.
    window: String,
    parameters: Parameters,
}

impl Builder<'_> {
    /// The arm and the time of every unit's earliest exposure.
    fn entered(&mut self, exposures: &Exposures) -> String {
        let experiment = self.parameters.text(&self.question.experiment);
        let phase = self.parameters.whole(self.phase.into());
        let own_phase = if exposures.phase {
            "coalesce(e.\"phase\", 1)"
        } else {
            "1"
        };
        let namespace = self.namespace("e", exposures.namespace);
        let table = &exposures.table;
        let (at, window) = (&self.at, &self.window);
        format!(
            "entered AS (
                SELECT e.unit, (array_agg(e.arm ORDER BY e.time, e.arm COLLATE \"C\"))[1] AS arm, min(e.time) AS first,
                       count(DISTINCT e.arm) > 1 AS crossed
                FROM (
                    SELECT e.\"unit\"::text COLLATE \"default\" AS unit, left(e.\"arm\"::text, {MAX_ARM}) AS arm,
                           e.\"time\"::timestamptz AS time
                    FROM {table} AS e
                    WHERE e.\"experiment\"::text = {experiment} AND {own_phase} = {phase}{namespace}
                ) AS e
                WHERE e.time <= 'epoch'::timestamptz + {at} * {MICROSECOND} AND isfinite(e.time)
                  AND e.unit IS NOT NULL AND e.arm IS NOT NULL
                GROUP BY e.unit
            ), assigned AS (
                SELECT unit, arm, crossed, first, first + {window} * {MICROSECOND} AS until,
                       (extract(epoch FROM first) * 1000000)::bigint AS started
                FROM entered
            )"
        )
    }

    fn namespace(&mut self, table: &str, is_there: bool) -> String {
        if !is_there {
            return String::new();
        }
        let namespace = self.parameters.text(&self.question.namespace);
        format!(" AND {table}.\"namespace\"::text = {namespace}")
    }

    /// What the matured units did: how many outcomes match, the sum of their numbers, and how many have a number that
    /// cannot be summed.
    fn sums(&mut self, name: &str, query: &EventQuery) -> Result<String, SourceError> {
        let number = self.number(query)?;
        let condition = self.condition(query, &number.usable)?;
        let event = self.parameters.text(&query.name);
        let namespace = self.namespace("o", self.outcomes.namespace);
        let table = &self.outcomes.table;
        let properties = if self.outcomes.properties {
            "o.\"properties\"::jsonb"
        } else {
            "NULL::jsonb"
        };
        let value = if self.outcomes.value {
            "o.\"value\"::float8"
        } else {
            "NULL::float8"
        };
        let Number { usable, unusable } = number;
        let (at, window) = (&self.at, &self.window);
        Ok(format!(
            "{name} AS (
                SELECT a.unit, count(*) FILTER (WHERE {condition}) AS matches,
                       coalesce(sum({usable}) FILTER (WHERE {condition}), 0) AS total,
                       count(*) FILTER (WHERE {unusable}) AS unusable
                FROM assigned AS a
                JOIN {table} AS o ON o.\"unit\"::text = a.unit
                    AND o.\"time\"::timestamptz >= a.first AND o.\"time\"::timestamptz < a.until
                CROSS JOIN LATERAL (SELECT {value} AS value, {properties} AS properties) AS x
                WHERE a.started + {window} <= {at} AND o.\"event\"::text = {event}{namespace}
                GROUP BY a.unit
            )"
        ))
    }

    /// The number that the metric takes of an outcome.
    fn number(&mut self, query: &EventQuery) -> Result<Number, SourceError> {
        let read = query
            .filter
            .as_ref()
            .map(Expression::attributes)
            .unwrap_or_default();
        let sums = matches!(self.metric.kind, MetricKind::Mean | MetricKind::Ratio);
        let needs_number = sums || read.contains(&"value");
        let missing = |column| SourceError::FindColumn {
            table: self.outcomes.table.name().to_owned(),
            column,
        };
        let needs_properties =
            (needs_number && query.value.is_some()) || read.iter().any(|name| *name != "value");
        if needs_properties && !self.outcomes.properties {
            return Err(missing("properties"));
        }
        if !needs_number {
            return Ok(Number::none());
        }
        let Some(name) = &query.value else {
            return if self.outcomes.value {
                Ok(Number::of_column())
            } else {
                Err(missing("value"))
            };
        };
        let json = property(&mut self.parameters, name);
        Ok(Number::of_json(&json))
    }

    fn condition(&mut self, query: &EventQuery, number: &str) -> Result<String, SourceError> {
        let Some(filter) = &query.filter else {
            return Ok("true".to_owned());
        };
        let condition = filter.condition().map_err(|source| SourceError::Translate {
            metric: self.metric.name.clone(),
            source,
        })?;
        let parameters = &mut self.parameters;
        Ok(Translation { parameters, number }.condition(&condition))
    }

    /// Sizes and moments, an arm and a day each. Deviations are summed by the database as it does for `regr_sxx`: without
    /// cancellation. A constant is said to be one, because its rounding is no variance.
    fn whole(&self, entered: &str, above: &str, below: Option<&str>) -> String {
        let x = match self.metric.kind {
            MetricKind::Proportion | MetricKind::Count => "coalesce(above.matches, 0)::float8",
            MetricKind::Mean | MetricKind::Ratio => "coalesce(above.total, 0)",
        };
        let (below, y, unusable, join) = match below {
            Some(below) => (
                format!(", {below}"),
                "coalesce(below.total, 0)",
                "coalesce(above.unusable, 0) + coalesce(below.unusable, 0)",
                "LEFT JOIN below ON below.unit = a.unit",
            ),
            None => (String::new(), "0::float8", "coalesce(above.unusable, 0)", ""),
        };
        let (at, window) = (&self.at, &self.window);
        let entry_day = day("started");
        let end_day = day(&format!("started + {window}"));
        let constant = |name: &str, constant: &str, other: &str| {
            format!("CASE WHEN min({name}) = max({name}) THEN {constant} ELSE {other} END")
        };
        let (mean_x, m2_x) = (
            constant("x", "min(x)", "avg(x)"),
            constant("x", "0", "regr_sxx(y, x)"),
        );
        let (mean_y, m2_y) = (
            constant("y", "min(y)", "avg(y)"),
            constant("y", "0", "regr_syy(y, x)"),
        );
        let co = constant("x", "0", &constant("y", "0", "regr_sxy(y, x)"));
        let limit = MAX_ROWS + 1;
        format!(
            "WITH {entered}, {above}{below}, units AS (
                SELECT a.arm, a.started, {x} AS x, {y} AS y, {unusable} AS unusable
                FROM assigned AS a LEFT JOIN above ON above.unit = a.unit {join}
                WHERE a.started + {window} <= {at}
            )
            SELECT false AS moments, arm, {entry_day} AS day, count(*) AS units,
                   count(*) FILTER (WHERE started + {window} <= {at}) AS counted,
                   count(*) FILTER (WHERE crossed) AS special,
                   0::float8 AS mean_x, 0::float8 AS m2_x, 0::float8 AS mean_y, 0::float8 AS m2_y, 0::float8 AS co
            FROM assigned GROUP BY arm, day
            UNION ALL
            SELECT true, arm, {end_day} AS day, count(*), count(*) FILTER (WHERE x <> 0), sum(unusable)::bigint,
                   {mean_x}, {m2_x}, {mean_y}, {m2_y}, {co}
            FROM units GROUP BY arm, day
            LIMIT {limit}"
        )
    }
}

/// SQL of an outcome's number, and of whether it has one that cannot be summed.
struct Number {
    usable: String,
    unusable: String,
}

impl Number {
    fn none() -> Self {
        Self {
            usable: "NULL::float8".to_owned(),
            unusable: "false".to_owned(),
        }
    }

    fn of_column() -> Self {
        // A NaN is above every number.
        let fits = format!("abs(x.value) <= {MAX_NUMBER:?}");
        Self {
            usable: format!("(CASE WHEN {fits} THEN x.value END)"),
            unusable: format!("NOT ({fits})"),
        }
    }

    fn of_json(json: &str) -> Self {
        let usable = json_number(json);
        Self {
            unusable: format!("jsonb_typeof({json}) = 'number' AND {usable} IS NULL"),
            usable,
        }
    }
}

/// The first midnight at or after an instant of so many microseconds, in days since 1970. SQL divides towards zero.
fn day(micros: &str) -> String {
    format!("(({micros}) / {DAY} + CASE WHEN ({micros}) % {DAY} > 0 THEN 1 ELSE 0 END)")
}
