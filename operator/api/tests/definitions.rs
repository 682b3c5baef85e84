//! The files in `crds/` are what the types say.

use std::fs;
use std::path::{Path, PathBuf};

use attune_api::{Kind, crd_yaml};

fn crds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds")
}

fn file(kind: Kind) -> PathBuf {
    crds().join(format!("attune.dev_{}.yaml", kind.plural()))
}

/// With `ATTUNE_UPDATE=1` the files are written instead.
#[test]
fn keeps_the_files_in_crds_equal_to_the_types() {
    let update = std::env::var_os("ATTUNE_UPDATE").is_some_and(|value| value == "1");
    for kind in Kind::ALL {
        let (path, expected) = (file(kind), crd_yaml(kind));
        if update {
            fs::write(&path, &expected).expect("crds/ can be written");
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == expected,
            "{} differs from the types: run `ATTUNE_UPDATE=1 cargo test -p attune-api --test definitions`",
            path.display()
        );
    }
    let folder = fs::read_dir(crds())
        .expect("crds/ can be read")
        .filter_map(Result::ok);
    let files = folder.filter(|entry| {
        entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "yaml")
    });
    assert_eq!(
        files.count(),
        Kind::ALL.len(),
        "crds/ holds a file that no kind has"
    );
}
