use std::path::PathBuf;

use super::{LoadError, read};

#[test]
fn names_what_cannot_be_opened() {
    let directory = tempfile::tempdir().expect("a directory");
    let missing = directory.path().join("missing.yaml");
    assert!(matches!(read(&[]), Err(LoadError::NameInputs)));
    assert!(
        matches!(read(std::slice::from_ref(&missing)), Err(LoadError::ReadFile { path, .. }) if path == missing)
    );
    let empty: PathBuf = directory.path().to_owned();
    let error = read(std::slice::from_ref(&empty)).expect_err("nothing to read");
    assert_eq!(
        error.to_string(),
        format!("no *.yaml, *.yml or *.json below `{}`", empty.display())
    );
}
