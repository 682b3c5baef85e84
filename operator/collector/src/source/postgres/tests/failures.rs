//! What is wrong in a database is said in our words.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;

use super::*;
use crate::analysis;
use crate::source::{Credential, observe_within};

fn spend() -> Question {
    question(metric(MetricKind::Mean, events_of("purchase", None, None)))
}

async fn fail(database: &Database, question: &Question, tables: &TableSource) -> SourceError {
    let credential = database.credential();
    let source = PostgresSource::new(&credential, tables, soon());
    source
        .observe(question, &question.metrics[0], at(0))
        .await
        .unwrap_err()
}

#[tokio::test]
async fn names_the_table_and_the_column_that_are_missing() {
    let database = server().database().await;
    let client = database.client().await;
    let tables = tables();
    let outcomes = |what: &str| format!("table `outcomes` {what}");
    assert_eq!(
        fail(&database, &spend(), &tables).await.to_string(),
        outcomes("does not exist or may not be read; create it, or grant SELECT on it")
    );
    client
        .batch_execute("CREATE TABLE outcomes (unit text, event text, properties text)")
        .await
        .unwrap();
    assert_eq!(
        fail(&database, &spend(), &tables).await.to_string(),
        outcomes("has no column `time`; add it, or name a view that has it")
    );
    client
        .batch_execute("ALTER TABLE outcomes ADD time timestamp")
        .await
        .unwrap();
    assert_eq!(
        fail(&database, &spend(), &tables).await.to_string(),
        "column `properties` of table `outcomes` is no jsonb; convert it, or name a view that does"
    );
    client
        .batch_execute("ALTER TABLE outcomes DROP properties")
        .await
        .unwrap();
    assert!(matches!(
        fail(&database, &spend(), &tables).await,
        SourceError::FindTable { table } if table == "attune_exposures"
    ));
    client
        .batch_execute("CREATE TABLE attune_exposures (unit text, experiment text, arm text, time date)")
        .await
        .unwrap();
    // A sum of a column that is not there would be a sum of nothing.
    assert_eq!(
        fail(&database, &spend(), &tables).await.to_string(),
        outcomes("has no column `value`; add it, or name a view that has it")
    );
    let amount = question(metric(
        MetricKind::Mean,
        events_of("purchase", Some("amount"), None),
    ));
    assert!(matches!(
        fail(&database, &amount, &tables).await,
        SourceError::FindColumn {
            column: "properties",
            ..
        }
    ));
}

#[tokio::test]
async fn needs_no_column_that_a_metric_does_not_read() {
    let database = server().database().await;
    let sql = r#"
        CREATE SCHEMA "Sales";
        CREATE TABLE "Sales"."Orders" (unit uuid, event varchar(20), time timestamp);
        CREATE TABLE "Sales".shown (unit uuid, experiment name, arm varchar, time timestamp, phase bigint);
        INSERT INTO "Sales".shown
            VALUES ('00000000-0000-0000-0000-000000000001', 'hero', 'warm', '2026-12-01 00:00:00', 2),
                   ('00000000-0000-0000-0000-000000000002', 'hero', 'plain', '2026-12-01 00:00:00', 2);
        INSERT INTO "Sales"."Orders"
            VALUES ('00000000-0000-0000-0000-000000000001', 'purchase', '2026-12-01 00:00:00'),
                   ('00000000-0000-0000-0000-000000000002', 'purchase', '2026-11-30 23:59:59');"#;
    database.client().await.batch_execute(sql).await.unwrap();
    let (credential, mut tables) = (database.credential(), tables());
    (tables.table, tables.exposures) = ("Sales.Orders".into(), "Sales.shown".into());
    let source = PostgresSource::new(&credential, &tables, soon());
    let question = question(metric(MetricKind::Proportion, events_of("purchase", None, None)));
    let found = source
        .observe(&question, &question.metrics[0], at(86_400 * 3))
        .await
        .unwrap();
    let days = found.observed[0].days().unwrap();
    // The server stands in Kathmandu; the times are UTC all the same.
    assert_eq!((days[0].0, days.len()), (20_790, 1));
    let buyers: Vec<f64> = days[0]
        .1
        .iter()
        .map(attune_lift::ArmMoments::non_zero_at_least)
        .collect();
    assert_eq!(buyers, [0.0, 1.0]);
}

#[tokio::test]
async fn refuses_values_that_no_sum_survives() {
    let database = server().database().await;
    let client = database.client().await;
    let mut log = Log::new();
    log.show("u", ("hero", 2), "warm", at(0));
    log.act(
        "u",
        "purchase",
        Some(5.0),
        &[("amount", Property::Int(3))],
        at(60),
    );
    log.load(&client).await;
    for (column, value) in [("value", "'NaN'"), ("value", "'Infinity'"), ("value", "1e19")] {
        client
            .batch_execute(&format!("UPDATE outcomes SET {column} = {value}"))
            .await
            .unwrap();
        let credential = database.credential();
        let (tables, spend) = (tables(), spend());
        let source = PostgresSource::new(&credential, &tables, soon());
        let error = source
            .observe(&spend, &spend.metrics[0], at(86_400 * 9))
            .await
            .unwrap_err();
        assert!(
            matches!(error, SourceError::CheckValues { count: 1, .. }),
            "{value}: {error}"
        );
    }
}

#[tokio::test]
async fn gives_up_on_a_query_that_takes_too_long() {
    let database = server().database().await;
    let sql = "CREATE TABLE attune_exposures (unit text, experiment text, arm text, time timestamptz);
               INSERT INTO attune_exposures VALUES ('u', 'hero', 'warm', '2026-11-01');
               CREATE VIEW outcomes AS SELECT 'u'::text AS unit, 'purchase'::text AS event, now() AS time,
                   (SELECT 1.0::float8 FROM pg_sleep(60)) AS value;";
    database.client().await.batch_execute(sql).await.unwrap();
    let (credential, tables) = (database.credential(), tables());
    let mut spend = spend();
    spend.phase = 1;
    spend.metrics[0].window_seconds = 400 * 86_400;
    let began = Instant::now();
    let source = PostgresSource::new(&credential, &tables, Instant::now() + Duration::from_millis(1500));
    let observed = source.observe(&spend, &spend.metrics[0], at(900 * 86_400)).await;
    assert!(matches!(observed, Err(SourceError::Wait { .. })), "{observed:?}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // The server has given up as well.
    let left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'attune-collector'
                AND datname = current_database() AND state = 'active'";
    let until = Instant::now() + Duration::from_secs(5);
    let client = database.client().await;
    loop {
        let active: i64 = client.query_one(left, &[]).await.unwrap().get(0);
        if active == 0 {
            break;
        }
        assert!(Instant::now() < until, "{active} queries are still running");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn writes_nothing_whatever_a_view_does() {
    let database = server().database().await;
    let client = database.client().await;
    let sql = "CREATE TABLE attune_exposures (unit text, experiment text, arm text, time timestamptz);
               INSERT INTO attune_exposures VALUES ('u', 'hero', 'warm', '2026-11-01');
               CREATE FUNCTION sly() RETURNS text LANGUAGE sql AS
                   'INSERT INTO attune_exposures SELECT ''v'', ''hero'', ''warm'', now() RETURNING unit';
               CREATE VIEW outcomes AS SELECT sly() AS unit, 'purchase'::text AS event, now() AS time, 1.0 AS value;";
    client.batch_execute(sql).await.unwrap();
    let mut spend = spend();
    spend.phase = 1;
    let error = fail(&database, &spend, &tables()).await;
    let SourceError::Query { code, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(code, "25006");
}

#[tokio::test]
async fn takes_names_and_values_for_what_they_are() {
    let database = server().database().await;
    let client = database.client().await;
    let mut log = Log::new();
    let hostile = r#"x' OR '1'='1"; DROP TABLE outcomes; --"#;
    log.show(hostile, ("hero", 2), "warm", at(0));
    log.act(
        hostile,
        hostile,
        Some(5.0),
        &[("a'b", Property::Text(hostile.into()))],
        at(60),
    );
    log.load(&client).await;
    let (credential, mut tables) = (database.credential(), tables());
    let mut asked = question(metric(MetricKind::Mean, events_of(hostile, Some("a'b"), None)));
    asked.metrics[0].event.filter = Some(condition(
        r#"properties.x != "'; DROP TABLE outcomes; --" || true"#,
    ));
    let source = PostgresSource::new(&credential, &tables, soon());
    let found = source
        .observe(&asked, &asked.metrics[0], at(86_400 * 9))
        .await
        .unwrap();
    assert_eq!(found.observed[0].days().unwrap()[0].1[1].n(), 1);
    asked.experiment = hostile.into();
    asked.namespace = hostile.into();
    let found = source
        .observe(&asked, &asked.metrics[0], at(86_400 * 9))
        .await
        .unwrap();
    assert_eq!(found.phases, []);
    for table in [hostile, "a.b.c", "", "a.", "outcomes\0", &"t".repeat(64)] {
        table.clone_into(&mut tables.table);
        let source = PostgresSource::new(&credential, &tables, soon());
        let error = source
            .observe(&asked, &asked.metrics[0], at(0))
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                SourceError::NameTable { .. } | SourceError::FindTable { .. }
            ),
            "{table}: {error}"
        );
    }
    let left: i64 = client
        .query_one("SELECT count(*) FROM outcomes", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(left, 1);
}

/// What leads to a server that takes connections and says nothing, and how many it has taken.
async fn silence() -> (Credential, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let uri = format!("postgresql://reader:secret@127.0.0.1:{port}/warehouse?sslmode=disable");
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok(connection) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            open.push(connection);
        }
    });
    (Credential::new(uri, None), taken)
}

#[tokio::test]
async fn a_silent_database_is_asked_once_and_takes_no_time_from_the_others() {
    let database = server().database().await;
    let mut log = Log::new();
    log.show("u", ("hero", 2), "warm", at(0));
    log.load(&database.client().await).await;
    let (first, taken_by_first) = silence().await;
    let (second, taken_by_second) = silence().await;
    let mut asked = spend();
    let spend = asked.metrics.remove(0);
    for (name, secret) in [("a", "first"), ("b", "first"), ("c", "second"), ("spend", SECRET)] {
        let source = Source::Postgres(TableSource {
            secret: secret.into(),
            ..tables()
        });
        asked.metrics.push(MetricQuestion {
            name: name.into(),
            source: Some(source),
            ..spend.clone()
        });
    }
    let credentials = [
        ("first".to_owned(), first),
        ("second".to_owned(), second),
        (SECRET.to_owned(), database.credential()),
    ];
    let patience = Duration::from_secs(2);
    let began = Instant::now();
    let found = observe_within(
        patience,
        &asked,
        &credentials.into_iter().collect(),
        at(86_400 * 9),
    )
    .await;
    assert!(began.elapsed() < 2 * patience, "{:?}", began.elapsed());
    for name in ["a", "b", "c"] {
        assert!(
            matches!(found[name], Err(SourceError::Wait { .. })),
            "{:?}",
            found[name]
        );
    }
    assert_eq!(found["spend"].as_ref().unwrap().observed.len(), 1);
    let taken = [taken_by_first, taken_by_second].map(|taken| taken.load(Ordering::Relaxed));
    assert_eq!(taken, [1, 1]);
}

#[tokio::test]
async fn leaves_the_other_metrics_their_figures() {
    let mut log = Log::new();
    log.show("u", ("hero", 2), "warm", at(0));
    let (own, _directory) = log.store().await;
    let mut asked = spend();
    let mut second = metric(MetricKind::Count, events_of("purchase", None, None));
    second.name = "orders".into();
    second.role = MetricRole::Secondary;
    second.source = None;
    asked.metrics.push(second);
    let outside = observe(&asked, &Credentials::default(), at(86_400 * 9)).await;
    let answer = analysis::answer_with(&own.0, &asked, &outside, at(86_400 * 9)).unwrap();
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(
        json["unavailable"],
        serde_json::json!([{
            "metric": "spend",
            "reason": "SourceUnavailable",
            "message": "no credentials came from Secret `warehouse`; create it with the key `uri`, and let the operator read it (`rbac.metricSecrets`)"
        }])
    );
    assert_eq!(json["results"].as_array().unwrap().len(), 1);
    assert_eq!(json["results"][0]["metric"], "orders");
    // What the operator reads is the same.
    let read: attune_core::measure::answer::Answer = serde_json::from_value(json).unwrap();
    assert_eq!(read.unavailable, answer.unavailable);
}
