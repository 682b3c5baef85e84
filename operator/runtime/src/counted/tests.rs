use std::collections::BTreeMap;

use super::*;

fn counted(touchpoint: &str, count: u64) -> Counted {
    let reasons = BTreeMap::from([("NO_UNIT".to_owned(), count)]);
    Counted {
        namespace: "shop".to_owned(),
        channel: "web".to_owned(),
        counts: Counts {
            touchpoints: BTreeMap::from([(touchpoint.to_owned(), reasons)]),
            ..Counts::default()
        },
    }
}

#[test]
fn what_was_taken_is_gone_and_what_is_put_back_is_added() {
    let inbox = Inbox::default();
    inbox.put(counted("hero", 2));
    inbox.put(counted("hero", 3));
    let taken = inbox.take();
    assert_eq!(taken, [counted("hero", 5)]);
    assert_eq!(inbox.take(), []);
    inbox.put(counted("hero", 1));
    for counted in taken {
        inbox.put(counted);
    }
    assert_eq!(inbox.take(), [counted("hero", 6)]);
}

#[test]
fn ever_new_names_are_not_kept() {
    let inbox = Inbox::default();
    for sender in 0..3 {
        let names = (0..MAX_NAMES / 4).map(|number| format!("{sender}-{number}"));
        let touchpoints = names.map(|name| (name, BTreeMap::from([("NO_UNIT".to_owned(), 1)])));
        inbox.put(Counted {
            counts: Counts {
                touchpoints: touchpoints.collect(),
                ..Counts::default()
            },
            ..counted("hero", 1)
        });
    }
    let kept = &inbox.take()[0].counts;
    assert!(kept.names() <= MAX_NAMES);
    assert_eq!(kept.touchpoints["0-0"]["NO_UNIT"], 1);
}
