//! The database says what the store says.

use attune_lift::ArmMoments;

use super::*;
use crate::analysis;
use crate::source::Observations;

/// A week of a shop: late exposures, units in two arms, other experiments, phases and namespaces, every type of property.
fn week() -> Log {
    let mut log = Log::new();
    for unit in 0..400_u64 {
        let name = format!("unit-{unit}");
        let arm = ["plain", "warm"][usize::try_from(log.below(2)).unwrap()];
        let first = i64::try_from(log.below(6 * 86_400)).unwrap();
        log.show(&name, ("hero", 2), arm, at(first));
        if log.below(4) == 0 {
            log.show(&name, ("hero", 2), arm, at(first + 3600));
        }
        if log.below(10) == 0 {
            let later = i64::try_from(log.below(2 * 86_400)).unwrap();
            log.show(&name, ("hero", 2), "warm", at(first + later));
        }
        if log.below(20) == 0 {
            // At the same instant the arm whose name comes first has it.
            log.show(&name, ("hero", 2), "plain", at(first));
        }
        if log.below(40) == 0 {
            log.show(&name, ("hero", 2), "Zürich", at(first - 60));
        }
        log.show(&name, ("hero", 1), "warm", at(first - 86_400));
        log.show(&name, ("other", 2), "warm", at(first - 86_400));
        log.show_in("bank", &name, ("hero", 2), "warm", at(first - 86_400));
        for _ in 0..log.below(5) {
            outcome(&mut log, &name, first);
        }
        for _ in 0..log.below(3) {
            let time = first + i64::try_from(log.below(86_400)).unwrap();
            log.act(&name, "session", Some(1.0), &[], at(time));
        }
    }
    // On the edges: at the instant of the exposure, and at the end of the window.
    for (unit, seconds) in [
        ("edge-first", 0),
        ("edge-last", 36 * 3600),
        ("edge-in", 36 * 3600 - 1),
    ] {
        log.show(unit, ("hero", 2), "warm", at(0));
        log.act(unit, "purchase", Some(1000.0), &[], at(seconds));
    }
    log
}

fn outcome(log: &mut Log, unit: &str, first: i64) {
    let time = first - 7200 + i64::try_from(log.below(3 * 86_400)).unwrap();
    let value = match log.below(4) {
        0 => None,
        1 => Some(0.0),
        other => Some(
            f64::from(u32::try_from(log.below(100_000)).unwrap()) / 100.0 * 10_f64.powi(other as i32 * 3),
        ),
    };
    let kind = match log.below(7) {
        0 => vec![],
        1 => vec![("kind", Property::Text("a".into()))],
        2 => vec![
            ("kind", Property::Text("bä\"c".into())),
            ("gift", Property::Bool(true)),
        ],
        3 => vec![("kind", Property::Int(3)), ("gift", Property::Bool(false))],
        4 => vec![("kind", Property::Double(3.5))],
        5 => vec![
            ("kind", Property::List(vec!["a".into(), "x".into()])),
            ("gift", Property::Int(1)),
        ],
        _ => vec![
            ("kind", Property::Bool(true)),
            ("gift", Property::Text("true".into())),
        ],
    };
    let mut properties = kind;
    let amount = log.below(1000);
    properties.push(("amount", Property::Double(amount as f64 / 8.0)));
    log.act(unit, "purchase", value, &properties, at(time));
}

fn close(left: f64, right: f64, what: &str) {
    let scale = left.abs().max(right.abs());
    assert!(
        (left - right).abs() <= 1e-9 * scale,
        "{what}: {left} is not {right}"
    );
}

fn agree(own: &ArmMoments, theirs: &ArmMoments, what: &str) {
    assert_eq!(own.n(), theirs.n(), "{what}");
    close(own.non_zero_at_least(), theirs.non_zero_at_least(), what);
    close(own.outcome().mean(), theirs.outcome().mean(), what);
    close(own.outcome().m2(), theirs.outcome().m2(), what);
    assert_eq!(
        own.denominator().is_some(),
        theirs.denominator().is_some(),
        "{what}"
    );
    if let (Some(own), Some(theirs)) = (own.denominator(), theirs.denominator()) {
        close(own.mean(), theirs.mean(), what);
        close(own.m2(), theirs.m2(), what);
        close(own.co(), theirs.co(), what);
    }
}

async fn compare(own: &StoreSource, theirs: &PostgresSource<'_>, metric: MetricQuestion, when: i64) -> f64 {
    let what = format!("{:?} of {:?} at {when}", metric.kind, metric.event);
    let question = question(metric);
    let metric = &question.metrics[0];
    let own = own.observe(&question, metric, at(when)).await.unwrap();
    let theirs = theirs.observe(&question, metric, at(when)).await.unwrap();
    assert_eq!(own.phases, theirs.phases, "{what}");
    let mut found = 0.0;
    for (own, theirs) in own.observed.iter().zip(&theirs.observed) {
        let (own, theirs) = (own.days().unwrap(), theirs.days().unwrap());
        assert_eq!(own.len(), theirs.len(), "{what}");
        for ((own_day, own), (day, theirs)) in own.iter().zip(&theirs) {
            assert_eq!((own_day, own.len()), (day, theirs.len()), "{what}");
            for (own, theirs) in own.iter().zip(theirs) {
                agree(own, theirs, &what);
            }
        }
        found += own.last().map_or(0.0, |(_, arms)| {
            arms.iter().map(ArmMoments::non_zero_at_least).sum::<f64>()
        });
    }
    found
}

#[tokio::test]
async fn says_what_the_store_says_of_every_kind_of_metric() {
    let log = week();
    let (own, _directory) = log.store().await;
    let database = server().database().await;
    log.load(&database.client().await).await;
    let (credential, tables) = (database.credential(), tables());
    let theirs = PostgresSource::new(&credential, &tables, soon());
    for kind in [
        MetricKind::Proportion,
        MetricKind::Mean,
        MetricKind::Count,
        MetricKind::Ratio,
    ] {
        for value in [None, Some("amount"), Some("kind"), Some("absent")] {
            for filter in [None, Some("value > 40.0")] {
                let metric = metric(kind, events_of("purchase", value, filter));
                compare(&own, &theirs, metric, 5 * 86_400 + 4321).await;
            }
        }
    }
    for when in [-86_400, 0, 36 * 3600, 86_400 * 30] {
        let metric = metric(MetricKind::Mean, events_of("purchase", None, None));
        compare(&own, &theirs, metric, when).await;
    }
    compare(
        &own,
        &theirs,
        metric(MetricKind::Count, events_of("nothing", None, None)),
        86_400 * 30,
    )
    .await;
}

#[tokio::test]
async fn reads_conditions_as_the_store_does() {
    let log = week();
    let (own, _directory) = log.store().await;
    let database = server().database().await;
    log.load(&database.client().await).await;
    let (credential, tables) = (database.credential(), tables());
    let theirs = PostgresSource::new(&credential, &tables, soon());
    let mut counted = Vec::new();
    for filter in [
        "true",
        "false",
        "!(value > 40.0)",
        "value == 0.0 || value != 0.0",
        r#"properties.kind == "a""#,
        r#"properties.kind != "a""#,
        r#"properties.kind == "bä\"c" && properties.gift"#,
        "properties.kind == 3",
        "properties.kind != 3.0",
        "properties.kind == true",
        "properties.kind >= 3.0",
        "3.2 > properties.kind",
        r#"properties.kind > "a""#,
        r#"properties.kind in ["a", "z"]"#,
        "properties.kind in [3, 3.5]",
        "properties.kind in []",
        r#"!(properties.kind in ["a", "z"])"#,
        r#""x" in properties.kind"#,
        r#"!("x" in properties.kind)"#,
        r#"properties.kind.startsWith("b")"#,
        r#"properties.kind.endsWith("\"c")"#,
        r#"properties.kind.contains("ä") || properties.gift"#,
        r#"properties.kind.contains("") "#,
        "has(properties.gift)",
        "!has(properties.gift)",
        "properties.gift",
        "!properties.gift",
        r#"properties.gift && properties.kind == "a" || value > 100.0"#,
        r#"!(properties.gift && properties.kind == "a")"#,
        "properties.absent == 1 || value > 1.0",
        "properties.absent == 1 && value > 1.0",
    ] {
        let metric = metric(MetricKind::Count, events_of("purchase", None, Some(filter)));
        counted.push((filter, compare(&own, &theirs, metric, 86_400 * 30).await));
    }
    // The two could agree on nothing at all.
    let found: Vec<_> = counted.iter().filter(|(_, count)| *count > 0.0).collect();
    assert!(found.len() >= counted.len() - 4, "{counted:?}");
}

#[tokio::test]
async fn gives_the_same_answer_as_the_store() {
    let log = week();
    let (own, _directory) = log.store().await;
    let database = server().database().await;
    log.load(&database.client().await).await;
    let mut question = question(metric(
        MetricKind::Mean,
        events_of("purchase", Some("amount"), None),
    ));
    let credentials: Credentials = [(SECRET.to_owned(), database.credential())].into_iter().collect();
    let outside = observe(&question, &credentials, at(86_400 * 9)).await;
    let theirs = analysis::answer_with(&own.0, &question, &outside, at(86_400 * 9)).unwrap();
    question.metrics[0].source = None;
    let own = analysis::answer_with(&own.0, &question, &Observations::new(), at(86_400 * 9)).unwrap();
    assert!(theirs.unavailable.is_empty(), "{:?}", theirs.unavailable);
    assert_eq!(
        (&own.arms, &own.unknown_arms),
        (&theirs.arms, &theirs.unknown_arms)
    );
    assert_eq!(own.sample_ratio, theirs.sample_ratio);
    let (own, theirs) = (&own.results[0], &theirs.results[0]);
    assert_eq!((own.n, own.finding), (theirs.n, theirs.finding));
    assert!(
        own.n > 350 && own.absolute.is_some() == theirs.absolute.is_some(),
        "{own:?}"
    );
    close(own.treatment.outcome.m2, theirs.treatment.outcome.m2, "m2");
    assert_ne!(own.message, "");
    assert_eq!(own.message, theirs.message);
}
