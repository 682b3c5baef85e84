use std::sync::Arc;

use attune_api::Kind;
use attune_api::program::CellState;
use attune_core::engine::Engine;
use attune_testkit::{AT, Strategy, instant};
use jiff::Timestamp;
use serde_json::json;

use super::{Coverage, Debt, Engines, Quarter, Twin, all};
use crate::tests::snapshot;
use crate::{Previous, Snapshot};

const PROGRAM: &str = "spring-retention";

/// Asks about the example's Program at an instant.
fn at<T>(strategy: &Strategy, at: Timestamp, ask: impl FnOnce(&Snapshot, &Coverage<'_>) -> T) -> T {
    let snapshot = snapshot(strategy);
    let compiled = crate::compile(&snapshot, &Previous::new(), at);
    let engines: Engines = compiled
        .channels
        .iter()
        .map(|(name, one)| {
            (
                name.clone(),
                Arc::new(Engine::load(Arc::clone(&one.bundle)).unwrap()),
            )
        })
        .collect();
    let all = all(&snapshot, &engines, at);
    let coverage = all.iter().find(|coverage| coverage.name == PROGRAM).unwrap();
    ask(&snapshot, coverage)
}

/// Every cell in short: `audience channel/touchpoint locale: State`.
fn cells(strategy: &Strategy) -> Vec<String> {
    at(strategy, AT, |_, coverage| lines(coverage))
}

fn lines(coverage: &Coverage<'_>) -> Vec<String> {
    let line = |cell: &super::Cell<'_>| {
        let spot = coverage.spot(cell).unwrap();
        let twin = match cell.twin {
            Some(Twin::Audience(other)) => format!(" with {other}"),
            Some(Twin::Everybody) => " with everybody".to_owned(),
            Some(Twin::Baseline) => " with the baseline".to_owned(),
            None => String::new(),
        };
        let (channel, touchpoint) = (spot.channel, &spot.touchpoint.name);
        format!(
            "{} {channel}/{touchpoint} {}: {}{twin}",
            cell.audience,
            cell.locale,
            cell.state.as_str()
        )
    };
    coverage.cells.iter().map(line).collect()
}

/// The line of one cell.
fn cell(strategy: &Strategy, start: &str) -> String {
    let cells = cells(strategy);
    let mut found = cells.iter().filter_map(|line| line.strip_prefix(start));
    found
        .next()
        .unwrap_or_else(|| panic!("{cells:#?}"))
        .trim_start_matches(": ")
        .to_owned()
}

#[test]
fn the_example_says_what_its_words_cover() {
    assert_eq!(
        cells(&Strategy::example()),
        [
            "loyal-high-value email/newsletter en: Differentiated",
            "lapsed email/newsletter en: Differentiated",
            "cart-abandoner email/newsletter en: Waived",
            "loyal-high-value web/home-hero en: Differentiated",
            "lapsed web/home-hero en: Differentiated",
            "cart-abandoner web/home-hero en: Differentiated",
            "loyal-high-value web/home-hero de: Untranslated",
            "lapsed web/home-hero de: Untranslated",
            "cart-abandoner web/home-hero de: Differentiated",
        ]
    );
}

#[test]
fn a_copy_of_another_audiences_words_is_shared() {
    let copied = Strategy::example().change(Kind::ContentModule, "hero", |spec| {
        spec["variants"][2]["content"] = spec["variants"][1]["content"].clone();
    });
    assert_eq!(
        cell(&copied, "lapsed web/home-hero en"),
        "Shared with loyal-high-value"
    );
    assert_eq!(
        cell(&copied, "loyal-high-value web/home-hero en"),
        "Shared with lapsed"
    );
}

#[test]
fn a_copy_of_the_baseline_is_shared() {
    let copied = Strategy::example().change(Kind::ContentModule, "hero", |spec| {
        spec["variants"][3]["content"] = json!({"headline": "Welcome", "cta": "Shop now"});
    });
    assert_eq!(
        cell(&copied, "cart-abandoner web/home-hero en"),
        "Shared with the baseline"
    );
}

#[test]
fn a_difference_that_the_touchpoint_does_not_show_is_none() {
    let hidden = Strategy::example().change(Kind::ContentModule, "hero", |spec| {
        spec["variants"][2]["content"] = spec["variants"][1]["content"].clone();
        spec["variants"][2]["content"]["image"] = json!("https://shop.example/other.png");
    });
    assert_eq!(
        cell(&hidden, "lapsed web/home-hero en"),
        "Shared with loyal-high-value"
    );
}

#[test]
fn one_variant_for_two_audiences_is_shared() {
    let both = Strategy::example().change(Kind::ContentModule, "hero", |spec| {
        spec["variants"][1]["audiences"] = json!(["loyal-high-value", "lapsed"]);
        spec["variants"].as_array_mut().unwrap().remove(2);
    });
    assert_eq!(
        cell(&both, "lapsed email/newsletter en"),
        "Shared with loyal-high-value"
    );
}

#[test]
fn an_audience_that_no_candidate_names_gets_the_baseline_or_nothing() {
    let unnamed = Strategy::example().change(Kind::ChannelBinding, "retention-home-hero", |spec| {
        spec["candidates"].as_array_mut().unwrap().remove(0);
    });
    assert_eq!(cell(&unnamed, "cart-abandoner web/home-hero en"), "Baseline");
    let bare = unnamed.change(Kind::Channel, "web", |spec| {
        spec["touchpoints"][0].as_object_mut().unwrap().remove("baseline");
    });
    assert_eq!(cell(&bare, "cart-abandoner web/home-hero en"), "Missing");
    assert_eq!(cell(&bare, "lapsed web/home-hero en"), "Differentiated");
}

#[test]
fn what_everybody_gets_is_no_words_of_ones_own() {
    let generic = Strategy::example()
        .copy(Kind::ContentModule, "hero", "offer")
        .change(Kind::ChannelBinding, "retention-home-hero", |spec| {
            spec["candidates"] = json!([{"moduleRef": {"name": "offer"}}]);
        });
    assert_eq!(cell(&generic, "lapsed web/home-hero en"), "Shared with everybody");
}

#[test]
fn words_end_with_their_validity_and_waivers_with_their_day() {
    let state = |instant_: &str, start: &str| {
        let lines = at(&Strategy::example(), instant(instant_), |_, coverage| {
            lines(coverage)
        });
        lines
            .into_iter()
            .find_map(|line| line.strip_prefix(start).map(str::to_owned))
            .unwrap()
    };
    let waived = "cart-abandoner email/newsletter en: ";
    assert_eq!(state("2027-03-31T23:59:59Z", waived), "Waived");
    assert_eq!(state("2027-04-01T00:00:00Z", waived), "Baseline");
    let lapsed = "lapsed email/newsletter en: ";
    assert_eq!(state("2027-06-29T23:59:59Z", lapsed), "Differentiated");
    assert_eq!(
        state("2027-06-30T00:00:00Z", lapsed),
        "Baseline with the baseline"
    );
}

#[test]
fn whatever_is_suspended_shows_the_baseline() {
    let suspended = json!({"suspend": true});
    for (kind, name) in [
        (Kind::Program, PROGRAM),
        (Kind::ChannelBinding, "retention-home-hero"),
        (Kind::ContentModule, "hero"),
        (Kind::Channel, "web"),
    ] {
        let strategy = Strategy::example().edit(kind, name, suspended.clone());
        assert_eq!(
            cell(&strategy, "lapsed web/home-hero en"),
            "Baseline",
            "{kind} {name}"
        );
    }
}

#[test]
fn a_program_without_a_touchpoint_covers_nothing() {
    let unbound = Strategy::example()
        .without(Kind::ChannelBinding, "retention-home-hero")
        .without(Kind::ChannelBinding, "retention-newsletter")
        .without(Kind::Experiment, "cart-hero");
    at(&unbound, AT, |_, coverage| {
        assert_eq!((coverage.cells.len(), coverage.covered_bp()), (0, 0));
        assert_eq!(coverage.unmatched_waivers, [0]);
    });
}

#[test]
fn figures_list_the_open_cells_that_reach_the_most_people_first() {
    let figures = at(&Strategy::example(), AT, |snapshot, coverage| {
        coverage.figures(snapshot)
    });
    assert_eq!(
        (
            figures.cells,
            figures.differentiated,
            figures.untranslated,
            figures.waived
        ),
        (9, 6, 2, 1)
    );
    assert_eq!((figures.covered_bp, figures.unlisted), (7777, Some(0)));
    let worst: Vec<_> = figures
        .worst
        .iter()
        .map(|cell| (cell.audience.as_str(), cell.state))
        .collect();
    assert_eq!(
        worst,
        [
            ("lapsed", CellState::Untranslated),
            ("loyal-high-value", CellState::Untranslated)
        ]
    );
}

#[test]
fn figures_are_bounded() {
    let many = Strategy::example().change(Kind::Channel, "web", |spec| {
        spec["locales"] = (0..40).map(|number| json!(format!("en-{number:02}"))).collect();
    });
    let figures = at(&many, AT, |snapshot, coverage| coverage.figures(snapshot));
    assert_eq!(figures.worst.len(), 16);
    let open = figures.cells - figures.differentiated - figures.waived;
    assert_eq!(figures.unlisted, Some(open - 16));
}

#[test]
fn debt_counts_a_version_once_and_as_present_when_it_is_right_everywhere() {
    let debt = |strategy: &Strategy| {
        at(strategy, AT, |snapshot, coverage| {
            let debt = Debt::of(snapshot, &[coverage], AT);
            let load = &debt.teams["content-studio"];
            (load.needed, load.present)
        })
    };
    assert_eq!(debt(&Strategy::example()), (6, 4), "loyal and lapsed lack German");
    let one_place = Strategy::example().change(Kind::ContentModule, "hero", |spec| {
        spec["variants"][1]["channels"] = json!(["web"]);
    });
    assert_eq!(
        debt(&one_place),
        (6, 3),
        "loyal has nothing of its own in the newsletter"
    );
}

#[test]
fn debt_is_due_now_renewals_and_reviews_in_their_quarter() {
    at(&Strategy::example(), AT, |snapshot, coverage| {
        let debt = Debt::of(snapshot, &[coverage], AT);
        let quarters: Vec<_> = debt.teams["content-studio"]
            .quarters
            .iter()
            .map(|quarter| (quarter.make, quarter.renew, quarter.review))
            .collect();
        // `lapsed` ends on 2027-06-30; audiences and the program are reviewed in the first quarter.
        assert_eq!(quarters, [(2, 0, 0), (0, 0, 4), (0, 1, 0), (0, 0, 0)]);
        assert_eq!(Quarter::of(AT).to_string(), "2026Q4");
        assert_eq!(Quarter::of(AT).plus(1).to_string(), "2027Q1");
    });
}

#[test]
fn a_version_that_ends_with_its_quarter_is_renewed_in_it() {
    let ending = Strategy::example().change(Kind::ContentModule, "hero", |spec| {
        spec["variants"][2]["validity"]["until"] = json!("2027-01-01T00:00:00Z");
    });
    at(&ending, AT, |snapshot, coverage| {
        let debt = Debt::of(snapshot, &[coverage], AT);
        assert_eq!(debt.teams["content-studio"].quarters[0].renew, 1);
    });
}

#[test]
fn twelve_audiences_with_three_versions_read_as_what_they_are() {
    let names: Vec<String> = (0..12).map(|number| format!("segment-{number:02}")).collect();
    let mut strategy = Strategy::example()
        .without(Kind::Experiment, "cart-hero")
        .change(Kind::Program, PROGRAM, |spec| {
            spec["audiences"] = json!(names);
            spec["coverage"] = json!({"minimumBp": 10000});
        })
        .change(Kind::ContentModule, "hero", |spec| {
            for index in 1..4 {
                spec["variants"][index]["audiences"] = json!(names[(index - 1) * 4..index * 4]);
            }
            spec["variants"].as_array_mut().unwrap().truncate(4);
        });
    for name in &names {
        strategy = strategy.copy(Kind::Audience, "lapsed", name);
    }
    for binding in ["retention-home-hero", "retention-newsletter"] {
        strategy = strategy.change(Kind::ChannelBinding, binding, |spec| {
            spec["candidates"] = json!([{"moduleRef": {"name": "hero"}, "audiences": names}]);
        });
    }
    at(&strategy, AT, |snapshot, coverage| {
        let figures = coverage.figures(snapshot);
        assert_eq!(
            (figures.cells, figures.differentiated, figures.covered_bp),
            (36, 0, 0)
        );
        assert_eq!(
            (figures.shared, figures.untranslated, figures.baseline),
            (20, 12, 4),
            "the cart's are for the web only"
        );
        let debt = Debt::of(snapshot, &[coverage], AT);
        assert_eq!(
            (
                debt.teams["content-studio"].needed,
                debt.teams["content-studio"].present
            ),
            (24, 0)
        );
    });
}

#[test]
fn words_that_a_locale_falls_back_on_are_its_own() {
    let with = |fallback: serde_json::Value| {
        let channel = json!({"locales": ["en", "de", "gsw"], "localeFallback": fallback});
        Strategy::example().edit(Kind::Channel, "web", channel)
    };
    let cart = "cart-abandoner web/home-hero gsw";
    let loyal = "loyal-high-value web/home-hero gsw";
    let alone = with(json!({}));
    assert_eq!(
        (cell(&alone, cart), cell(&alone, loyal)),
        both("Untranslated", "Untranslated")
    );
    let german = with(json!({"gsw": ["de"]}));
    assert_eq!(
        (cell(&german, cart), cell(&german, loyal)),
        both("Differentiated", "Untranslated")
    );
    let english = with(json!({"gsw": ["de", "en"]}));
    assert_eq!(
        (cell(&english, cart), cell(&english, loyal)),
        both("Differentiated", "Differentiated"),
        "words of no locale are in the first one"
    );
}

fn both(one: &str, other: &str) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

#[test]
fn shows_words_as_the_touchpoint_does() {
    let strategy = Strategy::example()
        .change(Kind::ContentModule, "hero", |spec| {
            spec["slots"][0]["type"] = json!("Markdown");
            spec["variants"][1]["content"]["headline"] = json!("*Early* access");
        })
        .change(Kind::Channel, "web", |spec| {
            spec["touchpoints"][0]["slots"][0]["format"] = json!("Html");
        })
        .change(Kind::Channel, "email", |spec| {
            spec["touchpoints"][0]["slots"][0]["format"] = json!("Text");
        });
    let said = |channel: &str| {
        at(&strategy, AT, |_, coverage| {
            let mut cells = coverage.cells.iter();
            let cell = cells.find(|cell| {
                cell.audience == "loyal-high-value" && coverage.spot(cell).unwrap().channel == channel
            });
            let words = coverage.words(cell.unwrap()).unwrap();
            let words: serde_json::Value = serde_json::from_str(words.json.get()).unwrap();
            words["headline"].clone()
        })
    };
    assert_eq!(said("web"), "<em>Early</em> access");
    assert_eq!(said("email"), "Early access");
}
