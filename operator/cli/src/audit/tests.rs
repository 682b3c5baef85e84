use super::{Tally, lines};

/// People of two groups at one touchpoint: so many of each get the hero.
fn tally(first: (u64, u64), second: (u64, u64)) -> Tally {
    let mut tally = Tally::default();
    for (group, (people, of)) in [("north", first), ("south", second)] {
        for person in 0..of {
            let gets = if person < people {
                "module hero"
            } else {
                "baseline"
            };
            tally.add(group);
            tally.note(("shop", "web", "home"), gets.to_owned(), group);
        }
    }
    tally
}

fn flagged(tally: &Tally, bound: f64) -> Vec<(String, String)> {
    let lines = lines(tally, bound);
    let flagged = lines.iter().filter(|line| line.is_flagged);
    flagged
        .map(|line| (line.gets.to_owned(), line.group.to_owned()))
        .collect()
}

#[test]
fn flags_a_difference_that_lies_beyond_the_bound_with_all_of_its_interval() {
    let unequal = tally((800, 1000), (400, 1000));
    assert_eq!(
        flagged(&unequal, 0.05).len(),
        4,
        "both groups, the hero and the baseline"
    );
    assert!(flagged(&unequal, 0.5).is_empty());
    assert!(
        flagged(&tally((520, 1000), (500, 1000)), 0.0).is_empty(),
        "chance"
    );
    assert!(flagged(&tally((4, 5), (2, 5)), 0.05).is_empty(), "too few to say");
}

#[test]
fn shares_and_differences_come_with_their_intervals() {
    let tally = tally((800, 1000), (400, 1000));
    let lines = lines(&tally, 0.05);
    let north = lines
        .iter()
        .find(|line| line.gets == "module hero" && line.group == "north")
        .unwrap();
    assert_eq!((north.people, north.of), (800, 1000));
    assert!((north.difference - 0.4).abs() < 1e-12);
    assert!(north.interval[0] < 0.8 && 0.8 < north.interval[1]);
    // Newcombe at the Bonferroni level of four comparisons: z = 2.4977.
    assert!(
        (north.difference_interval[0] - 0.3487).abs() < 2e-3,
        "{:?}",
        north.difference_interval
    );
    assert!(
        (north.difference_interval[1] - 0.4485).abs() < 2e-3,
        "{:?}",
        north.difference_interval
    );
}

#[test]
fn one_group_alone_is_compared_with_nobody() {
    assert!(lines(&tally((5, 10), (0, 0)), 0.05).is_empty());
}
