use std::path::Path;

use super::root;

#[test]
fn a_repository_keeps_the_file_in_its_root_or_in_a_folder_for_it() {
    for (file, expected) in [
        ("/repo/CODEOWNERS", "/repo"),
        ("/repo/.github/CODEOWNERS", "/repo"),
        ("/repo/docs/CODEOWNERS", "/repo"),
        ("/repo/shop/CODEOWNERS", "/repo/shop"),
    ] {
        assert_eq!(root(Path::new(file)), Path::new(expected));
    }
}
