use serde_json::{Value, json};

use super::super::batch_name;
use super::{Part, Standing, channel};
use crate::fixture::settings;

/// From a table to a volume.
pub(super) fn delivery() -> Value {
    json!({"batch": {
        "schedule": "0 4 * * *",
        "timeZone": "Europe/Berlin",
        "touchpoints": ["home"],
        "source": {"postgres": {"secretRef": {"name": "warehouse"}, "table": "public.people"}},
        "sink": {"volume": {"claimName": "decisions", "path": "to$day/home.txt", "format": "Parquet"}},
    }})
}

fn cron_job(name: &str, delivery: &Value) -> Value {
    let standing = Standing::of(&channel(name, delivery), &settings()).unwrap();
    standing.document(Part::CronJob).unwrap()
}

fn pod(cron_job: &Value) -> &Value {
    &cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
}

#[test]
fn builds_a_cron_job_that_decides_from_a_table_to_a_volume() {
    insta::assert_json_snapshot!("batch", cron_job("web", &delivery()));
}

#[test]
fn connections_come_from_secrets_alone() {
    let table = |secret: &str| json!({"postgres": {"secretRef": {"name": secret}, "table": "t"}});
    let delivery = json!({"batch": {"schedule": "0 4 * * *", "source": table("from"), "sink": table("to")}});
    let job = cron_job("web", &delivery);
    let container = &pod(&job)["containers"][0];
    let environment = container["env"].as_array().unwrap();
    let told: Vec<_> = environment
        .iter()
        .filter(|one| one["name"] != "ATTUNE_RUN")
        .map(|one| {
            let key = &one["valueFrom"]["secretKeyRef"];
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (
                text(&one["name"]),
                text(&key["name"]),
                text(&key["key"]),
                key["optional"] == true,
            )
        })
        .collect();
    let wanted = [
        ("ATTUNE_UNITS_URI", "from", "uri", false),
        ("ATTUNE_UNITS_CA", "from", "ca.crt", true),
        ("ATTUNE_OUT_URI", "to", "uri", false),
        ("ATTUNE_OUT_CA", "to", "ca.crt", true),
    ];
    let wanted = wanted
        .map(|(name, secret, key, optional)| (name.to_owned(), secret.to_owned(), key.to_owned(), optional));
    assert_eq!(told, wanted);
    let arguments: Vec<_> = container["args"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(
        arguments.contains(&"--units=postgres:t") && arguments.contains(&"--out=postgres:t"),
        "{arguments:?}"
    );
    assert!(
        !arguments.contains(&"--resume"),
        "a table has all of a run or nothing: {arguments:?}"
    );
}

#[test]
fn one_claim_for_both_ends_is_one_volume() {
    let end = |path: &str| json!({"volume": {"claimName": "people", "path": path}});
    let delivery =
        json!({"batch": {"schedule": "0 4 * * *", "source": end("in.csv"), "sink": end("out.csv")}});
    let job = cron_job("web", &delivery);
    let pod = pod(&job);
    let volumes = pod["volumes"].as_array().unwrap();
    let claims = volumes
        .iter()
        .filter(|volume| volume.get("persistentVolumeClaim").is_some());
    assert_eq!(claims.count(), 1, "{volumes:?}");
    let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
    let mounted: Vec<_> = mounts
        .iter()
        .filter(|mount| mount["name"] == "out")
        .map(|mount| (mount["mountPath"].as_str().unwrap(), mount["readOnly"] == true))
        .collect();
    assert_eq!(
        mounted,
        [("/var/lib/attune/units", true), ("/var/lib/attune/out", false)]
    );
}

#[test]
fn its_pods_are_restricted_and_have_no_token_for_the_api_server() {
    let job = cron_job("web", &delivery());
    let pod = pod(&job);
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["restartPolicy"], "Never");
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    let context = &pod["containers"][0]["securityContext"];
    assert_eq!(context["allowPrivilegeEscalation"], false);
    assert_eq!(context["capabilities"]["drop"], json!(["ALL"]));
    assert_eq!(context["readOnlyRootFilesystem"], true);
    assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid");
    assert_eq!(job["spec"]["jobTemplate"]["spec"]["backoffLimit"], 2);
    assert_eq!(job["spec"].get("suspend"), None, "who suspends it is left alone");
}

#[test]
fn a_long_name_leaves_room_for_the_names_of_jobs() {
    let long = "a".repeat(63);
    let name = batch_name(&long);
    assert_eq!(name.len(), 52);
    assert_ne!(name, batch_name(&format!("{}b", "a".repeat(62))));
    assert_eq!(cron_job(&long, &delivery())["metadata"]["name"], name);
}
