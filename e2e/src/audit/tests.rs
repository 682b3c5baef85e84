use tempfile::tempdir;

use super::{AuditLog, parse};

const EVENT: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"1","stage":"ResponseComplete","requestURI":"/apis/attune.dev/v1alpha1/namespaces/shop/channels/web/status","verb":"patch","user":{"username":"operator","groups":["system:authenticated"]},"userAgent":"attune/0.1","objectRef":{"resource":"channels","namespace":"shop","name":"web","apiGroup":"attune.dev","apiVersion":"v1alpha1","subresource":"status"},"responseStatus":{"metadata":{},"code":200}}"#;

#[test]
fn reads_who_wrote_what() {
    let requests = parse(&format!("{EVENT}\n")).unwrap();
    let request = requests.first().unwrap();
    assert_eq!(
        (request.verb.as_str(), request.resource.as_str()),
        ("patch", "channels/status")
    );
    assert_eq!(
        (request.namespace.as_str(), request.name.as_str(), request.code),
        ("shop", "web", 200)
    );
}

#[test]
fn leaves_a_half_written_line_for_later() {
    let (half, _) = EVENT.split_at(40);
    assert_eq!(parse(&format!("{EVENT}\n{half}")).unwrap().len(), 1);
    assert_eq!(parse(half).unwrap().len(), 0);
}

#[test]
fn a_mark_hides_what_came_before_it() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let log = AuditLog::at(path.clone());
    let start = log.mark().unwrap();
    assert_eq!(log.since(start).unwrap(), []);
    std::fs::write(&path, format!("{EVENT}\n")).unwrap();
    let later = log.mark().unwrap();
    assert_eq!(log.since(start).unwrap().len(), 1);
    assert_eq!(log.since(later).unwrap(), []);
}
