//! Step 6: suspension, caps, gaps, stops and quiet hours.

use super::*;
use crate::bundle::{Cap, CapScope, QuietHours as Quiet, StopOn};

const DAY: i64 = 86_400;

fn cap(per: CapScope, max: u32) -> Cap {
    Cap {
        per,
        max,
        window_seconds: DAY,
    }
}

type Suspend = fn(Plan) -> Plan;

/// The shop with a second binding of lower priority that shows `other` to everybody.
fn shop_with_second() -> Plan {
    shop()
        .module("other", |_| {})
        .open_binding("second", "other", None, None)
        .binding("second", |second| {
            second.priority = 1;
        })
}

#[test]
fn drops_what_is_suspended_and_lets_the_next_win() {
    let suspensions: [(&str, Suspend); 2] = [
        ("binding", |shop| {
            shop.binding("hero-home", |binding| binding.suspended = true)
        }),
        ("module", |shop| shop.module("hero", |hero| hero.suspended = true)),
    ];
    for (what, suspend) in suspensions {
        assert_eq!(
            suspend(shop_with_second()).ask(cart("u1")).variant(),
            "other/everyone",
            "{what}"
        );
        assert_eq!(
            suspend(shop()).ask(cart("u1")).reason_and_variant(),
            (Suspended, "hero/everyone"),
            "{what}"
        );
        assert_eq!(
            suspend(shop()).ask(nobody("u1")).reason,
            NotEligible,
            "{what}: no candidate reached this step"
        );
    }
    let suspended = shop_with_second().change(|bundle| {
        bundle.programs.get_mut("retention").unwrap().suspended = true;
    });
    assert_eq!(
        suspended.ask(cart("u1")).reason_and_variant(),
        (Suspended, "hero/everyone")
    );
}

#[test]
fn serves_baselines_everywhere_on_a_suspended_channel() {
    let strategy = shop_with_second().settings(|settings| settings.suspended = true);
    assert_eq!(
        strategy.ask(cart("u1")).reason_and_variant(),
        (Suspended, "hero/everyone")
    );
    assert_eq!(strategy.engine().live_rules(), 0);
}

#[test]
fn serves_the_baseline_variant_of_a_suspended_module_and_no_other() {
    let strategy = shop().module("hero", |hero| {
        hero.variants
            .push(variant("german", json!({"headline": "Willkommen"})).locale("de"));
    });
    let german = with(nobody("u1"), "locale", json!("de"));
    assert_eq!(strategy.ask(german.clone()).variant(), "hero/german");
    let suspended = strategy.module("hero", |hero| hero.suspended = true);
    assert_eq!(suspended.ask(german).variant(), "hero/everyone");
}

#[test]
fn caps_by_what_the_cap_counts() {
    let shown = |counter: &str| Past::default().shown_of(&[counter], "2026-11-30T12:00:00Z");
    for (per, counter) in [
        (CapScope::Unit, "binding hero-home"),
        (CapScope::Module, "module hero"),
        (CapScope::Program, "program retention"),
        (CapScope::Channel, "channel web"),
    ] {
        let engine = shop()
            .binding("hero-home", |binding| binding.caps = vec![cap(per, 1)])
            .engine();
        assert_eq!(Ask::new(cart("u1")).of(&engine).reason, Targeted, "{counter}");
        let capped = Ask::new(cart("u1")).after(shown(counter)).of(&engine);
        assert_eq!(
            capped.reason_and_variant(),
            (Capped, "hero/everyone"),
            "{counter}"
        );
        let other = Ask::new(cart("u1")).after(shown("binding other")).of(&engine);
        assert_eq!(other.reason, Targeted, "{counter}");
    }
}

#[test]
fn counts_a_channels_unit_cap_over_everything_it_shows() {
    let engine = shop_with_second()
        .settings(|settings| settings.caps = vec![cap(CapScope::Unit, 2)])
        .engine();
    let once = Past::default().shown("elsewhere", "2026-11-30T12:00:00Z");
    assert_eq!(
        Ask::new(cart("u1")).after(once.clone()).of(&engine).reason,
        Targeted
    );
    let twice = once.shown("hero-home", "2026-11-30T13:00:00Z");
    assert_eq!(
        Ask::new(cart("u1")).after(twice).of(&engine).reason,
        Capped,
        "for the second binding too"
    );
}

#[test]
fn lets_the_next_win_once_the_first_is_capped() {
    let engine = shop_with_second()
        .binding("hero-home", |binding| binding.caps = vec![cap(CapScope::Unit, 1)])
        .engine();
    let past = Past::default().shown("hero-home", "2026-11-30T12:00:00Z");
    assert_eq!(Ask::new(cart("u1")).after(past).of(&engine).binding(), "second");
}

#[test]
fn ends_every_window_at_the_instant_it_names() {
    let capped = shop()
        .binding("hero-home", |binding| binding.caps = vec![cap(CapScope::Unit, 1)])
        .engine();
    let gapped = shop()
        .settings(|settings| settings.minimum_gap_seconds = Some(DAY))
        .engine();
    let stopped = shop().binding("hero-home", stop_on_purchase).engine();
    for (at, over) in [("2026-11-30T00:00:00Z", true), ("2026-11-30T00:00:01Z", false)] {
        let shown = Past::default().shown("hero-home", at);
        let bought = Past::default().did("purchase", at);
        let reason = |suppressed| if over { Targeted } else { suppressed };
        assert_eq!(
            Ask::new(cart("u1")).after(shown.clone()).of(&capped).reason,
            reason(Capped),
            "cap {at}"
        );
        assert_eq!(
            Ask::new(cart("u1")).after(shown).of(&gapped).reason,
            reason(Capped),
            "gap {at}"
        );
        assert_eq!(
            Ask::new(cart("u1")).after(bought).of(&stopped).reason,
            reason(Stopped),
            "stop {at}"
        );
    }
}

fn stop_on_purchase(binding: &mut crate::bundle::Binding) {
    binding.stop_on = vec![StopOn {
        event: "purchase".into(),
        window_seconds: DAY,
    }];
}

#[test]
fn stops_the_binding_that_names_the_event_and_no_other() {
    let engine = shop_with_second().binding("hero-home", stop_on_purchase).engine();
    let bought = Past::default().did("purchase", "2026-11-30T12:00:00Z");
    assert_eq!(
        Ask::new(cart("u1")).after(bought.clone()).of(&engine).binding(),
        "second"
    );
    let alone = shop().binding("hero-home", stop_on_purchase).engine();
    assert_eq!(
        Ask::new(cart("u1")).after(bought).of(&alone).reason_and_variant(),
        (Stopped, "hero/everyone")
    );
    let left = Past::default().did("unsubscribe", "2026-11-30T12:00:00Z");
    assert_eq!(Ask::new(cart("u1")).after(left).of(&alone).reason, Targeted);
}

fn quiet(from_hour: u16, to_hour: u16) -> Plan {
    shop().settings(|settings| {
        settings.quiet_hours = Some(Quiet {
            from_minute: from_hour * 60,
            to_minute: to_hour * 60,
            time_zone: "Europe/Berlin".into(),
        });
    })
}

#[test]
fn is_quiet_from_and_until_the_local_hours_across_midnight_too() {
    // Berlin is an hour ahead of UTC in winter and two in summer.
    let night = quiet(21, 8).engine();
    let lunch = quiet(12, 13).engine();
    for (engine, at, is_quiet) in [
        (&night, "2026-12-01T19:59:59Z", false),
        (&night, "2026-12-01T20:00:00Z", true),
        (&night, "2026-12-01T23:30:00Z", true),
        (&night, "2026-12-02T06:59:59Z", true),
        (&night, "2026-12-02T07:00:00Z", false),
        (&night, "2026-07-01T18:59:59Z", false),
        (&night, "2026-07-01T19:00:00Z", true),
        (&lunch, "2026-12-01T10:59:59Z", false),
        (&lunch, "2026-12-01T11:00:00Z", true),
        (&lunch, "2026-12-01T12:00:00Z", false),
    ] {
        let reason = Ask::new(cart("u1")).at(at).of(engine).reason;
        assert_eq!(reason, if is_quiet { QuietHours } else { Targeted }, "{at}");
    }
}

#[test]
fn keeps_the_quiet_hours_of_where_the_unit_is() {
    // At midnight UTC it is 19:00 in New York, 01:00 in Berlin and 05:45 in Kathmandu.
    let engine = quiet(21, 8).engine();
    for (zone, reason) in [
        (json!("America/New_York"), Targeted),
        (json!("Asia/Kathmandu"), QuietHours),
        (json!("Middle-earth/Shire"), QuietHours),
        (json!(""), QuietHours),
        (json!(null), QuietHours),
        (json!(5), QuietHours),
    ] {
        let context = with(cart("u1"), "timeZone", zone.clone());
        assert_eq!(Ask::new(context).of(&engine).reason, reason, "{zone}");
    }
}

#[test]
fn is_never_quiet_between_equal_hours() {
    assert_eq!(quiet(9, 9).ask(cart("u1")).reason, Targeted);
}

#[test]
fn reports_the_latest_step_that_any_candidate_reached() {
    // Each later reason joins the earlier ones on a binding of its own and becomes the answer.
    let mut strategy = shop().binding("hero-home", |binding| {
        binding.candidates = vec![candidate("hero", &["gold"])];
    });
    let past = Past::default()
        .shown("b-capped", "2026-11-30T23:00:00Z")
        .did("purchase", "2026-11-30T23:00:00Z");
    let ask = |strategy: &Plan| Ask::new(cart("u1")).after(past.clone()).of(&strategy.engine());
    assert_eq!(ask(&strategy).reason, NotEligible);
    strategy = strategy
        .open_binding("z-suspended", "hero", None, None)
        .binding("z-suspended", |one| one.suspended = true);
    assert_eq!(ask(&strategy).reason, Suspended);
    strategy = strategy
        .open_binding("b-capped", "hero", None, None)
        .binding("b-capped", |one| {
            one.caps = vec![cap(CapScope::Unit, 1)];
        });
    assert_eq!(ask(&strategy).reason, Capped);
    strategy = strategy
        .open_binding("a-stopped", "hero", None, None)
        .binding("a-stopped", stop_on_purchase);
    assert_eq!(ask(&strategy).reason, Stopped);
    let loud = strategy.clone().open_binding("m-loud", "hero", None, None);
    assert_eq!(ask(&loud).binding(), "m-loud");
    let quiet_hours = quiet(21, 8).0.settings.quiet_hours;
    let hushed = loud.settings(|settings| settings.quiet_hours = quiet_hours);
    assert_eq!(ask(&hushed).reason_and_variant(), (QuietHours, "hero/everyone"));
}

#[test]
fn decides_by_what_the_unit_did() {
    let strategy = shop()
        .audience("regular", r#"history.count("purchase", duration("720h")) >= 2"#)
        .audience("recent", r#"now - history.last("visit") < duration("24h")"#)
        .module("regulars", |_| {})
        .binding("hero-home", |binding| {
            binding.candidates = vec![
                candidate("regulars", &["regular"]),
                candidate("hero", &["recent"]),
            ];
        });
    let engine = strategy.engine();
    let of = |past: Past| {
        let answer = Ask::new(cart("u1")).after(past).of(&engine);
        answer.audience().map(str::to_owned)
    };
    assert_eq!(of(Past::default()), None, "nothing is known");
    let once = Past::default().did("purchase", "2026-11-20T00:00:00Z");
    assert_eq!(of(once.clone()), None);
    // The window is over at the instant it names.
    assert_eq!(of(once.clone().did("purchase", "2026-11-01T00:00:00Z")), None);
    let twice = once.did("purchase", "2026-11-01T00:00:01Z");
    assert_eq!(of(twice).as_deref(), Some("regular"));
    let visited = Past::default().did("visit", "2026-11-30T12:00:00Z");
    assert_eq!(of(visited).as_deref(), Some("recent"));
    let long_ago = Past::default().did("visit", "2026-11-29T12:00:00Z");
    assert_eq!(of(long_ago), None);
}

#[test]
fn decides_by_what_the_unit_was_shown() {
    let strategy = shop()
        .audience(
            "tired",
            r#"history.shown("Program/retention", duration("168h")) >= 2"#,
        )
        .audience(
            "fresh",
            r#"now - history.lastShown("ContentModule/hero") < duration("24h")"#,
        )
        .module("rest", |_| {})
        .binding("hero-home", |binding| {
            binding.candidates = vec![candidate("rest", &["tired"]), candidate("hero", &["fresh"])];
        });
    let engine = strategy.engine();
    assert!(engine.asks_history("home"));
    assert_eq!(engine.bundle().history_window(), crate::history::LAST_WINDOW);
    let of = |past: Past| {
        let answer = Ask::new(cart("u1")).after(past).of(&engine);
        answer.audience().map(str::to_owned)
    };
    assert_eq!(of(Past::default()), None, "nothing was shown");
    let once = Past::default().shown("hero-home", "2026-11-28T00:00:00Z");
    assert_eq!(of(once.clone()), None, "once, and not within a day");
    // The window is over at the instant it names.
    assert_eq!(of(once.clone().shown("hero-home", "2026-11-24T00:00:00Z")), None);
    let twice = once.shown("another", "2026-11-24T00:00:01Z");
    assert_eq!(
        of(twice).as_deref(),
        Some("tired"),
        "by whichever binding of the program"
    );
    let lately = Past::default().shown("hero-home", "2026-11-30T12:00:00Z");
    assert_eq!(of(lately).as_deref(), Some("fresh"));
    let other = Past::default().shown_of(&["module other"], "2026-11-30T12:00:00Z");
    assert_eq!(of(other), None, "another module");
}

#[test]
fn shows_nothing_that_has_limits_while_nothing_is_known() {
    let of = |plan: Plan| {
        let answer = Ask::new(cart("u1")).after(Past::unknown()).of(&plan.engine());
        (answer.reason, answer.binding().to_owned())
    };
    let first = |change: fn(&mut crate::bundle::Binding)| of(shop_with_second().binding("hero-home", change));
    let next = (Targeted, "second".to_owned());
    assert_eq!(
        of(shop_with_second()),
        (Targeted, "hero-home".to_owned()),
        "nothing is limited"
    );
    assert_eq!(
        first(|binding| binding.caps = vec![cap(CapScope::Unit, 1000)]),
        next
    );
    assert_eq!(first(stop_on_purchase), next);
    let everything: [fn(&mut crate::bundle::ChannelSettings); 2] = [
        |settings| settings.caps = vec![cap(CapScope::Unit, 1000)],
        |settings| settings.minimum_gap_seconds = Some(1),
    ];
    for limit in everything {
        assert_eq!(
            of(shop_with_second().settings(limit)),
            (Capped, "nobody".to_owned())
        );
    }
    // Neither that somebody bought nor that they did not.
    for rule in [
        r#"history.count("purchase", duration("1h")) > 0"#,
        r#"!(history.count("purchase", duration("1h")) > 0)"#,
        r#"!(now - history.last("purchase") < duration("1h"))"#,
        r#"history.shown("Channel/web", duration("1h")) > 0"#,
        r#"!(history.shown("Channel/web", duration("1h")) > 0)"#,
        r#"!(now - history.lastShown("Channel/web") < duration("1h"))"#,
    ] {
        let asking = shop().audience("asked", rule).binding("hero-home", |binding| {
            binding.candidates = vec![candidate("hero", &["asked"])];
        });
        assert_eq!(of(asking), (NotEligible, "nobody".to_owned()), "{rule}");
    }
}

#[test]
fn knows_where_history_matters() {
    let asks = |plan: Plan| plan.engine().asks_history("home");
    assert!(!asks(shop_with_second()));
    assert!(asks(
        shop().settings(|settings| settings.minimum_gap_seconds = Some(1))
    ));
    assert!(asks(
        shop().settings(|settings| settings.caps = vec![cap(CapScope::Unit, 1)])
    ));
    assert!(asks(
        shop().binding("hero-home", |binding| binding.caps = vec![cap(CapScope::Unit, 1)])
    ));
    assert!(asks(shop().binding("hero-home", stop_on_purchase)));
    let named = shop()
        .audience("asked", r#"history.count("purchase", duration("1h")) > 0"#)
        .binding("hero-home", |binding| {
            binding.candidates = vec![candidate("hero", &["asked"])];
        });
    assert!(asks(named.clone()));
    assert!(!named.engine().asks_history("elsewhere"));
}
