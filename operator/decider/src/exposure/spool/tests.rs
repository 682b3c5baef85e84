use std::collections::BTreeSet;

use attune_core::event::{self, EventData};

use super::*;
use crate::fixture::now;

const ROOM: u64 = 1024 * 1024;

fn event(number: usize, unit: &str) -> Event {
    let exposure = event::Exposure {
        unit: unit.to_owned(),
        ..event::Exposure::default()
    };
    Event {
        id: format!("e{number:05}"),
        source: "/attune/shop/web".to_owned(),
        time: now(),
        namespace: Some("shop".to_owned()),
        data: EventData::Exposure(exposure),
    }
}

fn events(numbers: std::ops::Range<usize>) -> Vec<Event> {
    numbers
        .map(|number| event(number, &format!("u{number}")))
        .collect()
}

fn open(data: &Path, limit: u64) -> Spool {
    Spool::open(data, "shop.web", limit).unwrap()
}

/// Everything that waits, oldest first, taken off the disk.
fn drain(spool: &mut Spool) -> Vec<Event> {
    let mut all = Vec::new();
    while let Some(oldest) = spool.oldest().unwrap() {
        all.extend(oldest.events);
        spool.remove(oldest.number).unwrap();
    }
    assert!(spool.is_empty() && spool.bytes() == 0);
    all
}

#[test]
fn gives_back_what_was_written_in_its_order_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let mut spool = open(data.path(), ROOM);
    for from in [0, 300, 700] {
        assert_eq!(spool.append(&events(from..from + 300)).unwrap(), 0);
    }
    let bytes = spool.bytes();
    drop(spool);
    let mut spool = open(data.path(), ROOM);
    assert_eq!(spool.bytes(), bytes);
    spool.append(&events(1000..1010)).unwrap();
    let mut expected = events(0..600);
    expected.extend(events(700..1010));
    assert_eq!(drain(&mut spool), expected);
    assert!(open(data.path(), ROOM).is_empty());
}

#[test]
fn skips_a_line_that_was_cut_off_and_appends_nothing_to_it() {
    let data = tempfile::tempdir().unwrap();
    let mut spool = open(data.path(), ROOM);
    spool.append(&events(0..3)).unwrap();
    drop(spool);
    let path = data.path().join("exposures/shop.web/0000000001.ndjson");
    let content = fs::read(&path).unwrap();
    fs::write(&path, &content[..content.len() - 9]).unwrap();
    let mut spool = open(data.path(), ROOM);
    spool.append(&events(3..4)).unwrap();
    let oldest = spool.oldest().unwrap().unwrap();
    assert_eq!((oldest.events.len(), oldest.damaged), (2, 1));
    spool.remove(oldest.number).unwrap();
    assert_eq!(drain(&mut spool), events(3..4));
}

#[test]
fn sheds_by_unit_before_the_room_is_used_up_and_never_exceeds_it() {
    let data = tempfile::tempdir().unwrap();
    let room = 64 * 1024;
    let mut spool = open(data.path(), room);
    let mut shed = 0;
    for from in (0..2000).step_by(50) {
        shed += spool.append(&events(from..from + 50)).unwrap();
        assert!(spool.bytes() <= room);
    }
    let kept: BTreeSet<String> = drain(&mut spool)
        .iter()
        .map(|event| event.data.unit().to_owned())
        .collect();
    assert_eq!(kept.len() as u64 + shed, 2000);
    assert!(kept.len() > 100 && shed > 500, "{} kept", kept.len());
    // What is taken up to half is no matter of the hash, and the last events are not all shed.
    assert!((0..100).all(|number| kept.contains(&format!("u{number}"))));
    assert!(kept.iter().any(|unit| {
        unit.get(1..)
            .is_some_and(|place| place.parse::<usize>().unwrap() > 400)
    }));
}

#[test]
fn takes_a_unit_out_of_every_file() {
    let data = tempfile::tempdir().unwrap();
    let mut spool = open(data.path(), ROOM);
    spool.append(&events(0..600)).unwrap();
    spool.append(&[event(9000, "u7"), event(9001, "u599")]).unwrap();
    assert_eq!(spool.forget("u7").unwrap(), 2);
    assert_eq!(spool.forget("u7").unwrap(), 0);
    for entry in fs::read_dir(data.path().join("exposures/shop.web")).unwrap() {
        let content = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!content.contains("\"u7\""));
    }
    let mut expected = events(0..600);
    expected.remove(7);
    expected.push(event(9001, "u599"));
    assert_eq!(drain(&mut spool), expected);
}

#[test]
fn goes_on_behind_a_file_that_cannot_be_read() {
    let data = tempfile::tempdir().unwrap();
    let mut spool = open(data.path(), ROOM);
    spool.append(&events(0..1600)).unwrap();
    let path = |name| data.path().join("exposures/shop.web").join(name);
    fs::remove_file(path("0000000001.ndjson")).unwrap();
    // Whoever opens a directory cannot read it, whatever it may do.
    fs::remove_file(path("0000000002.ndjson")).unwrap();
    fs::create_dir(path("0000000002.ndjson")).unwrap();
    assert_eq!(spool.oldest().unwrap().unwrap().events, events(1000..1500));
    assert_eq!((spool.take_lost(), spool.take_lost()), (1000, 0));
    assert!(path("0000000002.bad").exists());
    assert_eq!(drain(&mut spool), events(1000..1600));
    assert_eq!(spool.take_lost(), 0);
}

#[test]
fn leaves_nothing_of_a_unit_in_files_that_are_not_delivered() {
    let data = tempfile::tempdir().unwrap();
    let path = |name| data.path().join("exposures/shop.web").join(name);
    let mut spool = open(data.path(), ROOM);
    spool.append(&events(0..3)).unwrap();
    // As a process leaves them that ends while it rewrites, and a file that could not be read.
    fs::copy(path("0000000001.ndjson"), path("0000000001.new")).unwrap();
    fs::copy(path("0000000001.ndjson"), path("0000000000.bad")).unwrap();
    let mut spool = open(data.path(), ROOM);
    assert!(!path("0000000001.new").exists());
    assert_eq!(spool.forget("u1").unwrap(), 1);
    assert!(!path("0000000000.bad").exists());
    assert_eq!(drain(&mut spool), [event(0, "u0"), event(2, "u2")]);
}

#[test]
fn counts_damaged_lines_that_go_with_an_erased_unit() {
    let data = tempfile::tempdir().unwrap();
    let mut spool = open(data.path(), ROOM);
    spool.append(&events(0..3)).unwrap();
    let path = data.path().join("exposures/shop.web/0000000001.ndjson");
    let content = fs::read(&path).unwrap();
    fs::write(&path, &content[..content.len() - 9]).unwrap();
    assert_eq!(spool.forget("u0").unwrap(), 1);
    assert_eq!(spool.take_lost(), 1);
    let oldest = spool.oldest().unwrap().unwrap();
    assert_eq!((oldest.events.len(), oldest.damaged), (1, 0));
}
