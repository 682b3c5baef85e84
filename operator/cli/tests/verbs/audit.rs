//! `attune audit`: shares by group.

use crate::folder::{AT, Folder, Run};

/// So many people of each region, of whom a share has gold and a high spend.
fn audit(gold_in_north: usize, gold_in_south: usize, options: &[&str]) -> Run {
    let mut lines = Vec::new();
    for (region, gold) in [("north", gold_in_north), ("south", gold_in_south)] {
        for number in 0..200 {
            let tier = if number < gold { "gold" } else { "none" };
            lines.push(format!(
                "{{\"targetingKey\": \"{region}-{number}\", \"consent\": [\"personalization\"], \
                 \"user\": {{\"tier\": \"{tier}\", \"spend90d\": 300, \"region\": \"{region}\"}}}}"
            ));
        }
    }
    let folder = Folder::example(&[]).with("people.ndjson", lines.join("\n"));
    let base = [
        "audit",
        "-f",
        "strategy.yaml",
        "--contexts",
        "people.ndjson",
        AT[0],
        AT[1],
    ];
    folder.attune(&[base.as_slice(), options].concat())
}

#[test]
fn equal_groups_are_0() {
    let run = audit(100, 100, &["--group", "user.region"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    assert!(
        run.stdout
            .starts_with("400 people by `user.region`: north 200, south 200\n"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.ends_with("\n0 differences beyond 5 points\n"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_difference_beyond_the_bound_is_1_and_marked() {
    let run = audit(180, 40, &["--group", "user.region"]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(
        run.stdout.contains("shop/web/home-hero module hero\n! north"),
        "{}",
        run.stdout
    );
    let run = audit(
        180,
        40,
        &["--group", "user.region", "--bound-bp", "9000", "-o", "json"],
    );
    assert_eq!((run.code, run.json()["flagged"].as_u64()), (0, Some(0)));
}

#[test]
fn says_which_rules_read_the_attribute() {
    let run = audit(180, 40, &["--group", "user.tier"]);
    assert!(
        run.stdout.contains(
            "`user.tier` is read by audience `loyal-high-value`: a difference follows from that rule"
        ),
        "{}",
        run.stdout
    );
}

#[test]
fn one_group_is_nothing_to_compare() {
    let run = audit(1, 1, &["--group", "user.unheard"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("`user.unheard` has 1 value in the contexts"),
        "{}",
        run.stderr
    );
}
