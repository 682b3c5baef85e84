use super::{Codeowners, Owned};

fn owners(file: &str, path: &str) -> Vec<String> {
    Codeowners::parse(file).unwrap().owners(path).to_vec()
}

#[test]
fn the_last_pattern_that_matches_decides() {
    let file = "# comment\n* @everyone\n/shop/ @crm @web # why\n/shop/metrics.yaml @analytics\n";
    assert_eq!(owners(file, "README.md"), ["@everyone"]);
    assert_eq!(owners(file, "shop/deep/a.yaml"), ["@crm", "@web"]);
    assert_eq!(owners(file, "shop/metrics.yaml"), ["@analytics"]);
    assert_eq!(
        owners("/a @x\n/a/b\n", "a/b"),
        [""; 0],
        "a pattern without owners gives to nobody"
    );
    assert_eq!(owners("", "a"), [""; 0]);
}

#[test]
fn reads_patterns_as_gitignore_does() {
    let table = [
        ("*.yaml", "shop/a.yaml", true),
        ("*.yaml", "shop/a.yml", false),
        ("docs/*", "docs/a.md", true),
        ("docs/*", "docs/deep/a.md", false),
        ("docs/", "x/docs/a.md", true),
        ("/docs/", "x/docs/a.md", false),
        ("/docs", "docs/deep/a.md", true),
        ("docs/", "docs", false),
        ("**/logs", "a/b/logs/c", true),
        ("/a/**/d", "a/d", true),
        ("/a/**/d", "a/b/c/d", true),
        ("/a/**", "a/b", true),
        ("shop/?.yaml", "shop/a.yaml", true),
        ("shop/?.yaml", "shop/ab.yaml", false),
        ("my\\ file.yaml", "my file.yaml", true),
    ];
    for (pattern, path, expected) in table {
        let matched = !owners(&format!("{pattern} @x"), path).is_empty();
        assert_eq!(matched, expected, "{pattern} {path}");
    }
}

#[test]
fn a_hostile_pattern_takes_no_time() {
    let started = std::time::Instant::now();
    let pattern = format!("{} @x", "/**".repeat(500));
    let path = vec!["a"; 500].join("/");
    assert_eq!(owners(&pattern, &path), ["@x"]);
    assert_eq!(
        owners(&format!("{}b @x", "*a".repeat(200)), &"a".repeat(400)),
        [""; 0]
    );
    assert!(started.elapsed().as_secs() < 5);
}

#[test]
fn sections_give_their_owners_to_patterns_without() {
    let file = "[Strategy] @crm\n/shop/\n/shop/data/ @data\n^[Other][2]\n/other/ @web\n";
    assert_eq!(owners(file, "shop/a"), ["@crm"]);
    assert_eq!(owners(file, "shop/data/a"), ["@data"]);
    assert_eq!(owners(file, "other/a"), ["@web"]);
}

#[test]
fn names_the_line_that_cannot_be_read() {
    let problem = |file: &str| Codeowners::parse(file).unwrap_err().to_string();
    assert_eq!(
        problem("* @x\n!/a @x"),
        "line 2: CODEOWNERS has no negation: give the file to others by a later line"
    );
    assert_eq!(
        problem("* crm"),
        "line 1: `crm` is no owner: write `@team`, `@org/team` or an address"
    );
    assert!(problem(&"* @x\n".repeat(10_001)).starts_with("line 10001: "));
}

#[test]
fn knows_a_group_by_its_team_its_prefix_and_its_address() {
    let owned = |owner: &str| Owned {
        path: String::new(),
        owners: vec![owner.to_owned()],
    };
    assert!(owned("@shop/crm").is_by("", "crm"));
    assert!(owned("@crm").is_by("", "crm"));
    assert!(owned("@shop/crm").is_by("shop/", "crm"));
    assert!(owned("crm@shop.example").is_by("", "crm"));
    assert!(!owned("@shop/crm-bot").is_by("", "crm"));
    assert!(!owned("@crm/others").is_by("", "crm"));
}
