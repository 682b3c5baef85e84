//! Whether figures can be had from where a Metric says.

use attune_api::Kind;
use attune_api::conditions::Reason;
use attune_api::experiment::Analysis;
use attune_api::metric::MetricSource;

use crate::Model;
use crate::report::Report;
use crate::rules::Part;

#[cfg(test)]
mod tests;

/// Looks at every Metric's source, and at what experiments use it for.
pub(super) fn check(model: &Model<'_>, report: &mut Report) {
    metrics(model, report);
    experiments(model, report);
}

fn metrics(model: &Model<'_>, report: &mut Report) {
    for (name, metric) in &model.snapshot.metrics {
        let object = model.snapshot.id(Kind::Metric, name);
        match &metric.spec.source {
            Some(MetricSource::ClickHouse(_)) => report.error(
                &object,
                Reason::InvalidField,
                "spec.source.clickHouse",
                "nothing reads ClickHouse yet: use `postgres`, or send the events to the collector",
            ),
            Some(MetricSource::Postgres(_)) => {
                for (part, field) in [
                    (Part::Event, "spec.event.where"),
                    (Part::Denominator, "spec.denominator.where"),
                ] {
                    let filter = model.rules.filters.get(&(name.clone(), part));
                    if let Some(Err(error)) = filter.map(|filter| filter.condition().map(drop)) {
                        let message = format!("the condition has no form in SQL: {error}");
                        report.error(&object, Reason::InvalidExpression, field, message);
                    }
                }
            }
            None | Some(MetricSource::Collector(_) | MetricSource::Prometheus(_)) => {}
        }
    }
}

fn experiments(model: &Model<'_>, report: &mut Report) {
    let source = |name: &str| model.snapshot.metrics.get(name)?.spec.source.as_ref();
    for (name, experiment) in &model.snapshot.experiments {
        let object = model.snapshot.id(Kind::Experiment, name);
        let analysis = &experiment.spec.analysis;
        let secondary = analysis.secondary.iter().enumerate();
        let secondary =
            secondary.map(|(place, metric)| (format!("spec.analysis.secondary[{place}]"), metric));
        let compared =
            std::iter::once(("spec.analysis.primary".to_owned(), &analysis.primary)).chain(secondary);
        for (field, metric) in compared {
            if matches!(source(metric.as_str()), Some(MetricSource::Prometheus(_))) {
                let message = format!(
                    "metric `{metric}` is a threshold on a query, which has no units to compare: use it as a guardrail"
                );
                report.error(&object, Reason::InvalidField, field, message);
            }
        }
        let is_elsewhere = matches!(source(analysis.primary.as_str()), Some(MetricSource::Postgres(_)));
        if is_elsewhere && (analysis.covariate.is_some() || !analysis.exclude.is_empty()) {
            let message = format!(
                "metric `{}` comes from a database, where neither a covariate nor `exclude` is read: remove them, or send \
                 the events to the collector",
                analysis.primary
            );
            report.error(&object, Reason::InvalidField, "spec.analysis", message);
        }
        for (field, metric) in before_exposure(analysis) {
            // An event that nobody sends would be counted, and nothing adjusted or left out.
            if source(metric).is_some_and(|source| !matches!(source, MetricSource::Collector(_))) {
                let message = format!(
                    "metric `{metric}` comes from elsewhere, and what units did before their exposure is read from the \
                     collector alone: name a metric whose events it gets"
                );
                report.error(&object, Reason::InvalidField, field, message);
            }
        }
    }
}

/// Metrics of what units did before they were exposed, each with the field that names it.
fn before_exposure(analysis: &Analysis) -> impl Iterator<Item = (String, &str)> {
    let covariate = analysis.covariate.iter().map(|covariate| {
        let field = "spec.analysis.covariate.metric".to_owned();
        (field, covariate.metric.as_str())
    });
    let excluded = analysis.exclude.iter().enumerate().map(|(place, rule)| {
        let field = format!("spec.analysis.exclude[{place}].metric");
        (field, rule.metric.as_str())
    });
    covariate.chain(excluded)
}
