//! `attune crds`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::folder::Folder;

/// The definitions of the repository, by file name.
fn generated() -> BTreeMap<String, String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds");
    files(&directory)
}

fn files(directory: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("text"))
        })
        .collect()
}

#[test]
fn writes_the_files_that_the_repository_has() {
    let folder = Folder::new();
    let run = folder.attune(&["crds", "--dir", "made/crds"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    assert_eq!(run.stderr.lines().count(), 10, "{}", run.stderr);
    let written = files(&folder.path("made/crds"));
    assert_eq!(written.len(), 10);
    assert!(
        written == generated(),
        "run `attune crds --dir crds` and commit the result"
    );
}

#[test]
fn prints_all_of_them_as_one_stream() {
    let run = Folder::new().attune(&["crds"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let documents: Vec<&str> = run
        .stdout
        .split("---\n")
        .filter(|text| !text.is_empty())
        .collect();
    assert_eq!(documents.len(), 10);
    for (name, text) in generated() {
        assert!(documents.contains(&text.as_str()), "{name} is in the stream");
    }
}

#[test]
fn says_where_it_cannot_write() {
    let folder = Folder::new().with("taken", "");
    let run = folder.attune(&["crds", "--dir", "taken"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.starts_with("attune: cannot make taken: "),
        "{}",
        run.stderr
    );
}
