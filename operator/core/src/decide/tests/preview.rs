//! What an audience is told, before there is a unit.

use super::*;
use crate::decide::{Place, open_rules, preview};
use crate::engine::Engine;

/// Rule and baseline of `home` as `binding[index] variant | variant`, in a locale of the shop.
fn seen(plan: Plan, audience: Option<&str>, locale: usize) -> String {
    let engine = Engine::load(plan.0).expect("loads");
    let place = Place {
        touchpoint: "home",
        program: "retention",
        audience,
        locale,
    };
    let preview = preview(&engine, place, instant(NOW)).expect("a touchpoint");
    let rule = preview.rule.map_or("nothing".to_owned(), |rule| {
        format!("{}[{}] {}", rule.binding, rule.index, rule.words.variant)
    });
    format!(
        "{rule} | {}",
        preview.baseline.map_or("nothing", |words| words.variant)
    )
}

#[test]
fn shows_an_audience_the_first_candidate_that_names_it() {
    assert_eq!(
        seen(shop(), Some("cart"), 0),
        "hero-home[0] hero/cart | hero/everyone"
    );
    assert_eq!(
        seen(shop(), Some("gold"), 0),
        "hero-home[1] hero/gold | hero/everyone"
    );
    assert_eq!(seen(shop(), None, 0), "nothing | hero/everyone");
    assert_eq!(seen(shop(), Some("unheard"), 0), "nothing | hero/everyone");
}

#[test]
fn shows_what_a_decision_shows() {
    for locale in ["en", "de"] {
        let decided = shop()
            .ask(with(cart("u1"), "locale", json!(locale)))
            .variant()
            .to_owned();
        let position = usize::from(locale == "de");
        assert!(
            seen(shop(), Some("cart"), position).contains(&format!(" {decided} |")),
            "{locale}"
        );
    }
}

#[test]
fn follows_priority_then_scores_then_names() {
    let named = |name: &str, module: &str, priority: i64, plan: Plan| {
        plan.binding(name, |binding| {
            binding.priority = priority;
            binding.candidates = vec![candidate(module, &["gold"])];
        })
    };
    let more = shop().module("offer", |_| {}).module("gift", |_| {});
    let tied = named("a-offer", "offer", 100, more.clone());
    assert!(seen(tied, Some("gold"), 0).starts_with("a-offer[0] offer/"));
    let lower = named("a-offer", "offer", 99, more.clone());
    assert!(seen(lower, Some("gold"), 0).starts_with("hero-home[1]"));
    let scored = named("z-gift", "gift", 100, more).binding("z-gift", |_| {});
    let score = scored.rule("1", crate::expr::Expect::Number);
    let scored = scored.binding("z-gift", |binding| binding.candidates[0].score = Some(score));
    assert!(seen(scored, Some("gold"), 0).starts_with("z-gift[0]"));
}

#[test]
fn passes_over_what_cannot_be_shown() {
    let later = shop().module("later", |later| {
        later.variants =
            vec![variant("soon", json!({"headline": "Soon"})).valid(Some("2027-01-01T00:00:00Z"), None)];
    });
    let first = later.binding("a-later", |binding| {
        binding.priority = 200;
        binding.candidates = vec![candidate("later", &["gold"])];
    });
    assert!(
        seen(first.clone(), Some("gold"), 0).starts_with("hero-home[1]"),
        "not valid yet"
    );
    let nobody = shop().binding("hero-home", |binding| binding.rollout_bp = 0);
    assert_eq!(seen(nobody, Some("gold"), 0), "nothing | hero/everyone");
    let suspended = shop().module("hero", |hero| hero.suspended = true);
    assert_eq!(seen(suspended, Some("gold"), 0), "nothing | hero/everyone");
    let other = shop()
        .program("spring", "personalization")
        .binding("hero-home", |binding| {
            binding.program = "spring".into();
        });
    assert_eq!(
        seen(other, Some("gold"), 0),
        "nothing | hero/everyone",
        "another program's"
    );
}

#[test]
fn knows_whether_words_are_written_in_a_locale() {
    let plan = shop().module("hero", |hero| {
        hero.variants.push(
            variant("gold-de", json!({"headline": "Zuerst"}))
                .audience("gold")
                .locale("de"),
        );
    });
    let engine = Engine::load(plan.0).expect("loads");
    let names = |locale| {
        let place = Place {
            touchpoint: "home",
            program: "retention",
            audience: Some("gold"),
            locale,
        };
        let rule = preview(&engine, place, instant(NOW))
            .expect("a touchpoint")
            .rule
            .expect("a rule");
        (rule.words.variant, rule.words.names_locales)
    };
    assert_eq!(
        [names(0), names(1)],
        [("hero/gold", false), ("hero/gold-de", true)]
    );
}

#[test]
fn tells_which_rules_can_win_somebody() {
    let open = |plan: Plan| {
        let engine = Engine::load(plan.0).expect("loads");
        let rules = open_rules(&engine, instant(NOW));
        rules
            .map(|rule| format!("{}[{}]", rule.binding, rule.index))
            .collect::<Vec<_>>()
    };
    assert_eq!(open(shop()), ["hero-home[0]", "hero-home[1]"]);
    assert!(open(shop().module("hero", |hero| hero.suspended = true)).is_empty());
    assert!(open(shop().binding("hero-home", |binding| binding.rollout_bp = 0)).is_empty());
    assert!(open(shop().settings(|settings| settings.suspended = true)).is_empty());
    let gone = shop().module("hero", |hero| {
        hero.variants.retain(|variant| variant.name == "gold");
        hero.variants[0].validity = window(None, Some(NOW));
    });
    assert!(open(gone).is_empty(), "expired");
    let only_gold = shop().module("hero", |hero| {
        hero.variants.retain(|variant| variant.name == "gold");
    });
    assert_eq!(open(only_gold), ["hero-home[1]"], "nothing to show to the cart");
}
