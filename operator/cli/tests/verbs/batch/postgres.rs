//! From a table of a real PostgreSQL to another.

use attune_testkit::{Postgres, PostgresServer};
use serde_json::Value;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use super::people::people;
use super::{asked, batch, folder, lines, nameless};
use crate::folder::{Folder, Run};

/// A server of our own, and nobody who has to say who they are.
struct Server {
    postgres: PostgresServer,
    /// Goes after the server.
    _directory: TempDir,
}

impl Server {
    fn start() -> Self {
        let postgres = Postgres {
            user: "batch",
            password: None,
            pair: None,
            settings: &[],
        };
        let directory = tempfile::tempdir().expect("a directory");
        Self {
            postgres: postgres.start(directory.path()),
            _directory: directory,
        }
    }

    fn uri(&self) -> String {
        self.postgres.uri("postgres")
    }

    async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.uri(), NoTls)
            .await
            .expect("connected");
        tokio::spawn(connection);
        client
    }

    fn batch(&self, folder: &Folder, units: &str, out: &str, more: &[&str]) -> Run {
        let uri = self.uri();
        folder.attune_with(
            &asked(units, out, more),
            &[("ATTUNE_UNITS_URI", &uri), ("ATTUNE_OUT_URI", &uri)],
        )
    }
}

const TABLE: &str = r#"
    CREATE TABLE people ("targetingKey" bigint, "device.id" text, "user.tier" text, "user.spend90d" numeric,
        "user.lastSeen" timestamptz, "user.interests" text[], session jsonb, consent jsonb, locale text, "timeZone" text,
        secret text DEFAULT 'not read');
"#;

/// The same people as a table and as lines.
async fn fill(client: &Client, count: u64) -> String {
    let (_, contexts) = people(count);
    client.batch_execute(TABLE).await.expect("a table");
    let mut kept = String::new();
    for (number, line) in contexts.lines().enumerate() {
        let context: Value = serde_json::from_str(line).expect("a context");
        let text = |name: &str| context.get(name).and_then(Value::as_str).map(str::to_owned);
        let seen = text("user.lastSeen").filter(|seen| seen.contains('T'));
        let spend = context.get("user.spend90d").and_then(Value::as_f64);
        let mut same = serde_json::Map::new();
        for name in [
            "device.id",
            "user.tier",
            "locale",
            "timeZone",
            "consent",
            "user.interests",
        ] {
            same.extend(context.get(name).map(|value| (name.to_owned(), value.clone())));
        }
        same.insert("targetingKey".to_owned(), number.to_string().into());
        same.extend(seen.clone().map(|seen| ("user.lastSeen".to_owned(), seen.into())));
        same.extend(spend.map(|spend| ("user.spend90d".to_owned(), spend.into())));
        let session = ["cartValue", "itemCount", "returning"].map(|name| {
            (
                name.to_owned(),
                context
                    .get(format!("session.{name}"))
                    .cloned()
                    .unwrap_or_default(),
            )
        });
        let session = Value::Object(session.into_iter().collect());
        same.insert("session".to_owned(), session.clone());
        let insert = "INSERT INTO people VALUES ($1, $2, $3, $4::text::numeric, $5::text::timestamptz, \
                      (SELECT array_agg(x) FROM jsonb_array_elements_text($6::text::jsonb) x), $7::text::jsonb, \
                      $8::text::jsonb, $9, $10)";
        let number = i64::try_from(number).expect("small");
        let spend = spend.map(|spend| spend.to_string());
        let interests = context.get("user.interests").map(ToString::to_string);
        let consent = context.get("consent").map(ToString::to_string);
        let session = session.to_string();
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 10] = [
            &number,
            &text("device.id"),
            &text("user.tier"),
            &spend,
            &seen,
            &interests,
            &session,
            &consent,
            &text("locale"),
            &text("timeZone"),
        ];
        client.execute(insert, &values).await.expect("inserted");
        kept.push_str(&Value::Object(same).to_string());
        kept.push('\n');
    }
    kept
}

/// A table of decisions as lines have them.
async fn decided(client: &Client, table: &str) -> Vec<Value> {
    let read = format!(
        "SELECT jsonb_strip_nulls(to_jsonb(d) - 'decided_at')::text FROM {table} d ORDER BY unit, touchpoint"
    );
    let rows = client.query(&read, &[]).await.expect("read");
    rows.iter()
        .map(|row| nameless(serde_json::from_str(row.get(0)).expect("an object")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_decided_into_a_table_all_at_once() {
    let server = Server::start();
    let client = server.client().await;
    // More than one fetch of the cursor.
    let contexts = fill(&client, 4_500).await;
    let folder = folder().with("people.ndjson", contexts);
    assert_eq!(batch(&folder, "people.ndjson", "wanted.ndjson", &[]).code, 0);
    let mut wanted: Vec<_> = lines(&folder, "wanted.ndjson")
        .into_iter()
        .map(nameless)
        .collect();
    let unit = |row: &Value| row["unit"].as_str().expect("a unit").as_bytes().to_vec();
    wanted.sort_by_key(unit);

    let run = server.batch(&folder, "postgres:people", "postgres:shop.decisions", &[]);
    assert!(
        run.code == 2 && run.stderr.contains("table `shop.decisions`"),
        "{}",
        run.stderr
    );
    client
        .batch_execute("CREATE SCHEMA shop")
        .await
        .expect("a schema");
    let run = server.batch(&folder, "postgres:people", "postgres:shop.decisions", &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let mut rows = decided(&client, "shop.decisions").await;
    rows.sort_by_key(unit);
    assert_eq!(rows.len(), wanted.len());
    for (row, wanted) in rows.iter().zip(&wanted) {
        assert_eq!(row, wanted);
    }

    // The next run writes over what is there, and leaves whoever is gone.
    client
        .batch_execute("DELETE FROM people WHERE \"targetingKey\" >= 10; UPDATE people SET consent = NULL")
        .await
        .expect("edited");
    let run = server.batch(&folder, "postgres:people", "postgres:shop.decisions", &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let rows = decided(&client, "shop.decisions").await;
    assert_eq!(rows.len(), wanted.len());
    assert_eq!(
        rows.iter().filter(|row| row["reason"] == "NO_CONSENT").count(),
        10 + wanted
            .iter()
            .filter(|row| row["reason"] == "NO_CONSENT" && !is_among_first(row))
            .count()
    );
}

/// Whether a row is of one of the first ten people.
fn is_among_first(row: &Value) -> bool {
    let unit = row["unit"].as_str().expect("a unit");
    unit.trim_start_matches("d-")
        .parse::<u64>()
        .is_ok_and(|number| number < 10)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ends_early_has_written_nothing() {
    let server = Server::start();
    let client = server.client().await;
    client
        .batch_execute("CREATE TABLE decisions (unit text, touchpoint text)")
        .await
        .expect("a table");
    let folder = folder().with("people.csv", people(50).0);
    // Nothing makes a row another one's.
    let run = server.batch(&folder, "people.csv", "postgres:decisions", &[]);
    assert!(
        run.code == 2 && run.stderr.contains("unique constraint on (unit, touchpoint)"),
        "{}",
        run.stderr
    );
    client
        .batch_execute("DROP TABLE decisions")
        .await
        .expect("dropped");
    let broken = format!("{}\"", people(50).0) + &"x".repeat(3 << 20);
    let folder = folder.with("broken.csv", broken);
    let run = server.batch(&folder, "broken.csv", "postgres:decisions", &[]);
    assert!(
        run.code == 2 && run.stderr.contains("closing quote"),
        "{}",
        run.stderr
    );
    let there = client
        .query_one("SELECT to_regclass('decisions') IS NULL", &[])
        .await
        .expect("asked");
    assert!(there.get::<_, bool>(0), "not even the table is there");
    // A unit that is there twice gets what its last row says.
    let folder = folder.with(
        "twice.ndjson",
        "{\"targetingKey\": \"u1\"}\n{\"targetingKey\": \"u1\", \"consent\": [\"personalization\"]}\n",
    );
    let run = server.batch(&folder, "twice.ndjson", "postgres:decisions", &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let rows = decided(&client, "decisions").await;
    assert_eq!(
        (rows.len(), rows[0]["reason"].as_str()),
        (1, Some("NOT_ELIGIBLE"))
    );
}
