//! Units by the thousand, always the same ones.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// A generator of small numbers.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.roll(of.len() as u64)).expect("small")]
    }
}

pub(super) const HEADER: &str = "targetingKey,device.id,user.tier,user.spend90d,user.lastSeen,user.interests,session.cartValue,\
                                 session.itemCount,session.returning,consent,locale,timeZone,note";

/// A unit under way: its cells, and the context that they mean.
struct Unit {
    cells: Vec<String>,
    context: Value,
}

impl Unit {
    fn put(&mut self, cell: &str, name: &str, value: Value) {
        self.cells.push(cell.to_owned());
        if !cell.is_empty() {
            self.context[name] = value;
        }
    }

    fn put_text(&mut self, cell: &str, name: &str) {
        self.put(cell, name, json!(cell));
    }
}

/// One unit: its cells, in the order of the header, and the context that they mean.
pub(super) fn unit(dice: &mut Dice, number: u64) -> (Vec<String>, Value) {
    let mut unit = Unit {
        cells: vec![format!("u{number}")],
        context: json!({"targetingKey": format!("u{number}")}),
    };
    let device = if dice.roll(3) == 0 {
        format!("d-{number}")
    } else {
        String::new()
    };
    unit.put_text(&device, "device.id");
    put_profile(dice, &mut unit);
    put_session(dice, &mut unit);
    put_identity(dice, &mut unit);
    unit.put("something, that no rule reads", "note", json!("x"));
    (unit.cells, unit.context)
}

fn put_profile(dice: &mut Dice, unit: &mut Unit) {
    let tier = dice.pick(&["", "none", "silver", "gold", "platinum", "7", "Gold \"x\", y"]);
    unit.put_text(tier, "user.tier");
    let (spend, value) = match dice.roll(5) {
        0 => (String::new(), Value::Null),
        1 => ("plenty".to_owned(), json!("plenty")),
        2 => ("0300".to_owned(), json!(300)),
        _ => {
            let spend = dice.roll(40_000) as f64 / 100.0;
            (spend.to_string(), json!(spend))
        }
    };
    unit.put(&spend, "user.spend90d", value);
    let seen = dice.pick(&[
        "",
        "2026-11-30T10:00:00Z",
        "2026-05-01T00:00:00+02:00",
        "yesterday",
    ]);
    unit.put_text(seen, "user.lastSeen");
    let interests = dice.pick(&["", "shoes", "shoes; hats", "[\"a;b\", \"c\"]"]);
    let listed = match interests {
        "shoes" => json!(["shoes"]),
        "shoes; hats" => json!(["shoes", "hats"]),
        _ => json!(["a;b", "c"]),
    };
    unit.put(interests, "user.interests", listed);
}

fn put_session(dice: &mut Dice, unit: &mut Unit) {
    let cart = dice.pick(&["", "0", "12.5", "80", "-3", "1e2"]);
    let value = cart.parse::<f64>().map_or(Value::Null, |cart| json!(cart));
    unit.put(cart, "session.cartValue", value);
    let items = dice.pick(&["", "0", "2", "+4", "2.5"]);
    let value = items.parse::<i64>().map(Value::from);
    unit.put(items, "session.itemCount", value.unwrap_or(json!(2.5)));
    let returning = dice.pick(&["", "true", "FALSE", "maybe"]);
    let value = match returning {
        "true" => json!(true),
        "FALSE" => json!(false),
        other => json!(other),
    };
    unit.put(returning, "session.returning", value);
}

fn put_identity(dice: &mut Dice, unit: &mut Unit) {
    let consent = dice.pick(&[
        "",
        "personalization",
        "personalization;other",
        "{\"personalization\": \"Denied\"}",
        "other",
    ]);
    let granted = match consent {
        "personalization" => json!(["personalization"]),
        "personalization;other" => json!(["personalization", "other"]),
        "other" => json!(["other"]),
        _ => json!({"personalization": "Denied"}),
    };
    unit.put(consent, "consent", granted);
    let locale = dice.pick(&["", "de", "de-AT", "fr", "en"]);
    unit.put_text(locale, "locale");
    let zone = dice.pick(&["", "Europe/Berlin", "Mars"]);
    unit.put_text(zone, "timeZone");
}

/// A table of units, and their contexts one a line.
pub(super) fn people(count: u64) -> (String, String) {
    let mut dice = Dice::new();
    let (mut table, mut contexts) = (format!("{HEADER}\n"), String::new());
    for number in 0..count {
        let (cells, context) = unit(&mut dice, number);
        let row: Vec<_> = cells.iter().map(|cell| quoted(cell)).collect();
        writeln!(table, "{}", row.join(",")).expect("text");
        writeln!(contexts, "{context}").expect("text");
    }
    (table, contexts)
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
