//! A claim is a proof: no context contradicts it.

use attune_core::expr::logic::Scalar;
use attune_core::value::{SlotId, Value};
use attune_testkit::AT;
use proptest::prelude::*;

use super::{ATTRIBUTES, attributes, expression};
use crate::overlap::form::Cube;
use crate::overlap::{Form, Relation, relation};

/// The values of one context, in the order of [`ATTRIBUTES`].
type Slots = Vec<Option<Value<'static>>>;

/// One test, or a computation that is taken whole.
fn atom() -> impl Strategy<Value = String> {
    let compare = || prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]);
    let tier = || prop::sample::select(vec!["gold", "silver", "none"]);
    prop_oneof![
        (compare(), -1..4_i32).prop_map(|(sign, number)| format!("user.spend {sign} {number}.0")),
        (compare(), -1..4_i32).prop_map(|(sign, number)| format!("user.spend {sign} {number}")),
        (compare(), -1..4_i32).prop_map(|(sign, number)| format!("user.orders {sign} {number}")),
        (compare(), -2..7_i32)
            .prop_map(|(sign, half)| format!("{:?} {sign} user.orders", f64::from(half) / 2.0)),
        (compare(), tier()).prop_map(|(sign, tier)| format!("user.tier {sign} \"{tier}\"")),
        (tier(), tier()).prop_map(|(one, other)| format!("user.tier in [\"{one}\", \"{other}\"]")),
        (0..3_i32, 0..3_i32).prop_map(|(one, other)| format!("user.orders in [{one}, {other}.0]")),
        Just("user.member".to_owned()),
        (compare(), any::<bool>()).prop_map(|(sign, flag)| format!("user.member {sign} {flag}")),
        prop::sample::select(ATTRIBUTES.to_vec()).prop_map(|(name, _)| format!("has({name})")),
        (compare(), 0..3_i32)
            .prop_map(|(sign, days)| format!("now - user.seen {sign} duration(\"{}h\")", days * 24)),
        (compare(), 0..3_i32)
            .prop_map(|(sign, days)| format!("user.seen {sign} now - duration(\"{}h\")", days * 24)),
        compare().prop_map(|sign| format!("user.seen {sign} now")),
        compare().prop_map(|sign| format!("timestamp(\"2026-11-30T00:00:00Z\") {sign} user.seen")),
        (compare(), 0..3_i32).prop_map(|(sign, size)| format!("size(user.tags) {sign} {size}")),
        tier().prop_map(|tier| format!("\"{tier}\" in user.tags")),
        tier().prop_map(|tier| format!("user.tags.exists(t, t == \"{tier}\")")),
        Just("user.tags.all(t, size(t) > 10 || user.member)".to_owned()),
        tier().prop_map(|tier| format!("user.tier.startsWith(\"{tier}\")")),
        Just("user.spend / user.spend == 1.0".to_owned()),
        (compare(), 0..3_i32).prop_map(|(sign, number)| format!("user.orders + 1 {sign} {number}")),
        prop::sample::select(vec!["true", "false", "1 < 2", "\"a\" == \"b\""]).prop_map(str::to_owned),
    ]
}

fn source() -> impl Strategy<Value = String> {
    atom().prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" && "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" || "))),
            inner.clone().prop_map(|part| format!("!({part})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

/// Two expressions that are often related: independent ones, and one made of the other.
fn pair() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        (source(), source()),
        (source(), source()).prop_map(|(one, other)| (format!("({one}) && ({other})"), one)),
        (source(), source()).prop_map(|(one, other)| (one.clone(), format!("({one}) || ({other})"))),
        source().prop_map(|one| (format!("!({one})"), one)),
        (atom(), atom()),
    ]
}

fn slots() -> impl Strategy<Value = Slots> {
    let text = || prop::sample::select(vec!["gold", "silver", "none", "golden", ""]);
    let seen = prop::sample::select(vec![
        "2026-12-01T00:00:00Z",
        "2026-11-30T00:00:00Z",
        "2026-11-29T12:00:00Z",
        "2026-12-02T00:00:00Z",
        "0001-01-01T00:00:00Z",
    ]);
    let values: Vec<BoxedStrategy<Value<'static>>> = vec![
        text().prop_map(|text| Value::String(text.into())).boxed(),
        prop::sample::select(vec![-1.0, -0.0, 0.0, 0.5, 1.0, 2.0, 2.5, 3.0, 1e300])
            .prop_map(Value::Double)
            .boxed(),
        prop_oneof![4 => -2..5_i64, 1 => any::<i64>()]
            .prop_map(Value::Int)
            .boxed(),
        any::<bool>().prop_map(Value::Bool).boxed(),
        seen.prop_map(|at| Value::Timestamp(at.parse().unwrap())).boxed(),
        prop::collection::vec(text().prop_map(|text| Value::String(text.into())), 0..3)
            .prop_map(Value::List)
            .boxed(),
    ];
    values
        .into_iter()
        .map(|value| prop::option::weighted(0.8, value))
        .collect::<Vec<_>>()
}

/// What an expression really says in a context.
fn matches(source: &str, slots: &Slots) -> bool {
    let attributes = attributes();
    let slot_of = |name: &str| {
        let place = ATTRIBUTES.iter().position(|(known, _)| *known == name)?;
        u16::try_from(place).ok().map(SlotId)
    };
    let program = expression(source, &attributes.schema).link(slot_of).unwrap();
    program.matches(slots, AT).unwrap_or(false)
}

fn form(source: &str) -> Form {
    let attributes = attributes();
    Form::of_expression(&expression(source, &attributes.schema), &attributes)
}

fn scalar(value: &Value<'_>) -> Option<Scalar> {
    Some(match value {
        Value::Bool(value) => Scalar::Bool(*value),
        #[expect(
            clippy::cast_precision_loss,
            reason = "only neighbours of small numbers are compared"
        )]
        Value::Int(value) => Scalar::Number(*value as f64),
        Value::Double(value) => Scalar::Number(*value + 0.0),
        Value::String(value) => Scalar::Text(value.to_string()),
        Value::Timestamp(value) => Scalar::Instant(*value),
        Value::Duration(_) | Value::List(_) => return None,
    })
}

/// Whether a form holds in a context; `None` where it tests what is computed.
fn holds(form: &Form, slots: &Slots) -> Option<bool> {
    let mut any = false;
    for cube in form.boxes()? {
        let mut all = true;
        for (subject, domain) in cube.tests() {
            if !subject.is_attribute {
                return None;
            }
            let place = ATTRIBUTES.iter().position(|(name, _)| *name == subject.text)?;
            let value = slots[place].as_ref();
            all &= match value {
                None => domain.admits_absence(),
                // A list is tested for its presence alone.
                Some(Value::List(_)) => {
                    !domain.is_empty()
                        && *domain
                            != super::super::domain::Domain::of(
                                &attune_core::expr::logic::Condition::Absent,
                                subject.kind,
                            )
                }
                Some(value) => domain.holds(Some(&scalar(value)?)),
            };
        }
        any |= all;
    }
    Some(any)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn no_context_contradicts_a_claim(
        (one, other) in pair(),
        contexts in prop::collection::vec(slots(), 24),
    ) {
        let (first, second) = (form(&one), form(&other));
        let claim = relation(&first, &second);
        for slots in &contexts {
            let (in_one, in_other) = (matches(&one, slots), matches(&other, slots));
            let contradicts = match claim {
                Relation::Equal => in_one != in_other,
                Relation::Inside => in_one && !in_other,
                Relation::Around => in_other && !in_one,
                Relation::Apart => in_one && in_other,
                Relation::Overlapping | Relation::CannotTell => false,
            };
            prop_assert!(!contradicts, "{claim:?}: {one}  //  {other}  at {slots:?}");
            prop_assert!(!(first.is_never() && in_one), "never: {one} at {slots:?}");
            prop_assert!(!first.is_always() || in_one, "always: {one} at {slots:?}");
        }
    }

    #[test]
    fn a_form_of_attributes_holds_exactly_where_its_expression_does(
        source in source(),
        contexts in prop::collection::vec(slots(), 24),
    ) {
        let form = form(&source);
        for slots in &contexts {
            if let Some(holds) = holds(&form, slots) {
                prop_assert_eq!(holds, matches(&source, slots), "{} at {:?}", source, slots);
            }
        }
    }

    #[test]
    fn an_example_of_an_overlap_is_in_both((one, other) in pair()) {
        let (first, second) = (form(&one), form(&other));
        let common = first.meet(&second).unwrap_or_default();
        for example in common.iter().filter_map(Cube::example) {
            let mut slots: Slots = vec![None; ATTRIBUTES.len()];
            for (subject, value) in example {
                let place = ATTRIBUTES.iter().position(|(name, _)| *name == subject.text).unwrap();
                slots[place] = value.map(|value| match value {
                    Scalar::Bool(value) => Value::Bool(value),
                    #[expect(clippy::cast_possible_truncation, reason = "examples are near to small numbers")]
                    Scalar::Number(value) if ATTRIBUTES[place].0 == "user.orders" => Value::Int(value as i64),
                    Scalar::Number(value) => Value::Double(value),
                    Scalar::Text(value) => Value::String(value.into()),
                    Scalar::Instant(value) => Value::Timestamp(value),
                    Scalar::Span(_) => unreachable!("no attribute is a span"),
                });
            }
            prop_assert!(matches(&one, &slots) && matches(&other, &slots), "{one}  //  {other}  at {slots:?}");
        }
    }
}
