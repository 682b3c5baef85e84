use attune_api::Kind;
use attune_testkit::Strategy;

use super::{Reader, Uses};
use crate::report::Report;
use crate::tests::snapshot;

#[test]
fn knows_who_reads_an_attribute_and_for_which_programs() {
    let strategy = Strategy::example().change(Kind::ChannelBinding, "retention-newsletter", |spec| {
        spec["candidates"][0]["when"] = "user.tier != 'none' || user.tier == 'none'".into();
    });
    let snapshot = snapshot(&strategy);
    let mut report = Report::default();
    let attributes = crate::attributes::gather(&snapshot, &mut report);
    let rules = crate::rules::check(&snapshot, &attributes, &mut report);
    let uses = Uses::of(&snapshot, &rules);
    let newsletter = Reader::Candidate {
        binding: "retention-newsletter".to_owned(),
        index: 0,
        part: "when",
    };
    assert_eq!(
        uses.readers("user.tier"),
        [
            Reader::Audience("loyal-high-value".to_owned()),
            newsletter.clone()
        ]
    );
    assert_eq!(newsletter.field(), "spec.candidates[0].when");
    assert!(uses.readers("user.interests").is_empty());
    assert_eq!(
        uses.programs_of("lapsed").collect::<Vec<_>>(),
        ["spring-retention"]
    );
}
