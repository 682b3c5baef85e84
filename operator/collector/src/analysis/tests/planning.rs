//! The planned size before anybody is in an arm.

use super::*;

/// So many units are shown something by the binding `hero` in the week before, and every fourth of them buys.
fn lately(units: usize) -> Shop {
    let mut shop = Shop::new();
    for unit in 0..units {
        let name = format!("u{unit}");
        let exposure = Exposure {
            unit: name.clone(),
            binding: Some("hero".into()),
            ..Exposure::default()
        };
        shop.push(-7 * DAY, EventData::Exposure(exposure));
        if unit % 4 == 0 {
            shop.buy(&name, None, -7 * DAY + 60);
        }
    }
    shop
}

fn planned() -> Question {
    Question {
        bindings: vec!["hero".into(), "footer".into()],
        planned_units: Some(10_000),
        minimum_lift_bp: Some(1_000),
        ..question(metric(MetricKind::Proportion))
    }
}

#[test]
fn the_planned_size_is_judged_by_whom_the_bindings_have_exposed() {
    let power = lately(400).answer(&planned(), 0).power.unwrap();
    assert_eq!((power.control_mean, power.seen_units), (0.25, 400));
    assert_eq!(power.sufficient, Some(true), "{power:?}");
}

#[test]
fn too_few_other_bindings_and_open_windows_say_nothing() {
    assert_eq!(lately(99).answer(&planned(), 0).power, None);
    let elsewhere = Question {
        bindings: vec!["footer".into()],
        ..planned()
    };
    assert_eq!(lately(400).answer(&elsewhere, 0).power, None);
    // A day after the exposures, no window is over yet; a month after, they are long ago.
    assert_eq!(lately(400).answer(&planned(), -6 * DAY - 1).power, None);
    assert_eq!(lately(400).answer(&planned(), 30 * DAY).power, None);
}
