//! Bundles made by chance: everything that a bundle may hold, in every combination.

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_core::bundle::{
    Arm, Attribute, Audience, Binding, Bundle, Candidate, Cap, CapScope, ChannelSettings, Effect, Exclusion,
    Experiment, ExperimentMode, Exposure, FORMAT_VERSION, Holdout, Identity, Metadata, Module, Program,
    Touchpoint, Variant, Window,
};
use attune_core::value::AttributeType;
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::expressions;

const LOCALES: [&str; 5] = ["en", "de", "de-AT", "zh-Hant", "zh"];
const MODULES: [&str; 3] = ["hero", "offer", "legacy"];
const AUDIENCES: [&str; 4] = ["loyal", "lapsed", "new", "cart"];

/// Some of a list, in its order.
fn some<'a, T: ?Sized>(rng: &mut Rng, of: &[&'a T]) -> Vec<&'a T> {
    of.iter().copied().filter(|_| rng.bool()).collect()
}

fn maybe(rng: &mut Rng, text: &str) -> Option<String> {
    rng.bool().then(|| text.to_owned())
}

pub(crate) fn random(rng: &mut Rng, now: Timestamp) -> Bundle {
    let settings = settings(rng);
    let attributes = attributes(rng);
    let audiences = AUDIENCES.map(|name| {
        let rule = expressions::condition(rng, &attributes);
        (
            name.to_owned(),
            Audience {
                name: name.to_owned(),
                rule,
            },
        )
    });
    let modules = MODULES.map(|name| (name.to_owned(), module(rng, name, now)));
    let programs = ["retention", "service-desk"].map(|name| {
        let purpose = if name == "retention" || rng.bool() {
            "personalization"
        } else {
            "service"
        };
        let program = Program {
            purpose: purpose.to_owned(),
            suspended: rng.u8(0..20) == 0,
            holdouts: some(rng, &["always", "program"])
                .into_iter()
                .map(str::to_owned)
                .collect(),
        };
        (name.to_owned(), program)
    });
    let holdouts = ["always", "program"].map(|name| {
        let holdout = Holdout {
            salt: format!("shop-{name}"),
            share_bp: rng.u32(0..4000),
            period: window(rng, now),
        };
        (name.to_owned(), holdout)
    });
    let mut bundle = Bundle {
        format_version: FORMAT_VERSION,
        namespace: "shop".into(),
        channel: "web".into(),
        settings,
        attributes,
        audiences: audiences.map(|(id, one)| (id, Arc::new(one))).into(),
        modules: modules.map(|(id, one)| (id, Arc::new(one))).into(),
        programs: programs.into(),
        holdouts: holdouts.into(),
        experiments: BTreeMap::new(),
        touchpoints: BTreeMap::new(),
        bindings: BTreeMap::new(),
    };
    for name in ["home", "basket"] {
        let module = MODULES[rng.usize(0..MODULES.len())];
        let baseline = (rng.u8(0..6) > 0).then(|| module.to_owned());
        bundle.touchpoints.insert(
            name.into(),
            Touchpoint {
                baseline,
                formats: BTreeMap::new(),
            },
        );
    }
    for number in 0..rng.usize(1..6) {
        let binding = binding(rng, &bundle);
        bundle.bindings.insert(format!("b{number}"), binding);
    }
    for number in 0..rng.usize(0..4) {
        let experiment = experiment(rng, &bundle, number, now);
        bundle.experiments.insert(format!("e{number}"), experiment);
    }
    bundle
}

fn settings(rng: &mut Rng) -> ChannelSettings {
    let own = rng.u8(0..4) == 0;
    let locales: Vec<_> = some(rng, &LOCALES).into_iter().map(str::to_owned).collect();
    ChannelSettings {
        identity: Identity {
            unit: if own { "account.id" } else { "targetingKey" }.into(),
            fallback: maybe(rng, "device.id"),
            consent: (rng.u8(0..6) > 0)
                .then(|| if rng.bool() { "consent" } else { "privacy.consent" }.into()),
            locale: maybe(rng, "locale"),
            time_zone: maybe(rng, "timeZone"),
        },
        client_attributes: (rng.u8(0..6) == 0).then(|| vec!["user.*".into(), "health.flag".into()]),
        locale_fallback: locale_fallback(rng, &locales),
        locales,
        diversity: Vec::new(),
        metadata: Metadata::Full,
        suspended: false,
        caps: Vec::new(),
        minimum_gap_seconds: None,
        quiet_hours: None,
        plain_unit_ids: false,
        replay: None,
        state: None,
    }
}

/// What serves some locales that nothing may be written in.
fn locale_fallback(rng: &mut Rng, locales: &[String]) -> BTreeMap<String, Vec<String>> {
    if locales.is_empty() {
        return BTreeMap::new();
    }
    let served = some(rng, &["de-AT", "de", "fr-CH", "fr", "zh-Hant"]);
    let mut others = |_| {
        let mut others = locales.to_vec();
        rng.shuffle(&mut others);
        others.truncate(rng.usize(1..3));
        others
    };
    let lists = served
        .into_iter()
        .map(|locale| (locale.to_owned(), others(locale)));
    lists.collect()
}

fn attributes(rng: &mut Rng) -> BTreeMap<String, Attribute> {
    use AttributeType as T;
    let all = [
        ("user.tier", T::String),
        ("user.age", T::Int),
        ("user.spend", T::Double),
        ("user.tags", T::StringList),
        ("user.vip", T::Bool),
        ("user.seen", T::Timestamp),
        ("health.flag", T::Bool),
        ("plan", T::String),
    ];
    let attributes = all.map(|(name, ty)| {
        let values = match name {
            "user.tier" => ["none", "silver", "gold", "platinum"].map(str::to_owned).to_vec(),
            _ => Vec::new(),
        };
        let sensitive = name == "health.flag";
        let purpose = if sensitive {
            "care"
        } else {
            ["personalization", "service", "service"][rng.usize(0..3)]
        };
        let attribute = Attribute {
            ty,
            values,
            purpose: purpose.to_owned(),
            sensitive,
        };
        (name.to_owned(), attribute)
    });
    attributes.into()
}

fn window(rng: &mut Rng, now: Timestamp) -> Window {
    let mut bound = |from: i64, to: i64| {
        let days = rng.i64(from..to);
        (rng.u8(0..4) == 0).then(|| now + SignedDuration::from_hours(24 * days + 12))
    };
    Window {
        from: bound(-40, 10),
        until: bound(-10, 40),
    }
}

fn module(rng: &mut Rng, name: &str, now: Timestamp) -> Module {
    let variant = |rng: &mut Rng, number: usize| Variant {
        name: format!("v{number}"),
        audiences: some(rng, &AUDIENCES)
            .into_iter()
            .map(str::to_owned)
            .filter(|_| number > 0)
            .collect(),
        names_channel: rng.bool(),
        locales: some(rng, &["en", "de", "de-AT", "zh"])
            .into_iter()
            .map(str::to_owned)
            .filter(|_| number % 2 == 1)
            .collect(),
        content: [(
            "headline".to_owned(),
            json!(format!("{name} {number} \u{201e}ü\u{201c}")),
        )]
        .into(),
        localized_content: some(rng, &["de", "fr"])
            .into_iter()
            .map(|locale| {
                let headline = json!(format!("{name} {number} {locale}"));
                (locale.to_owned(), [("headline".to_owned(), headline)].into())
            })
            .collect(),
        validity: window(rng, now),
    };
    let variants = (0..rng.usize(1..6)).map(|number| variant(rng, number)).collect();
    let localized = some(rng, &["de", "zh"]).into_iter();
    Module {
        name: name.to_owned(),
        suspended: rng.u8(0..12) == 0,
        labels: BTreeMap::new(),
        core: [("legal".to_owned(), json!("while stocks last"))].into(),
        localized_core: localized
            .map(|locale| (locale.to_owned(), [("legal".to_owned(), json!(locale))].into()))
            .collect(),
        baseline: "v0".to_owned(),
        variants,
    }
}

fn binding(rng: &mut Rng, bundle: &Bundle) -> Binding {
    let candidates = (0..rng.usize(1..4)).map(|_| Candidate {
        module: MODULES[rng.usize(0..MODULES.len())].to_owned(),
        audiences: some(rng, &AUDIENCES).into_iter().map(str::to_owned).collect(),
        when: (rng.u8(0..3) == 0).then(|| expressions::condition(rng, &bundle.attributes)),
        score: if rng.u8(0..6) == 0 {
            expressions::score(rng, &bundle.attributes)
        } else {
            None
        },
    });
    let candidates = candidates.collect();
    Binding {
        touchpoint: ["home", "basket"][rng.usize(0..2)].to_owned(),
        program: ["retention", "service-desk"][rng.usize(0..2)].to_owned(),
        priority: rng.i64(0..3),
        suspended: rng.u8(0..16) == 0,
        candidates,
        rollout_bp: [10_000, 10_000, 5_000, 100, 0][rng.usize(0..5)],
        exposure: Exposure::OnDecision,
        caps: if rng.u8(0..12) == 0 {
            vec![Cap {
                per: CapScope::Unit,
                max: 2,
                window_seconds: 86_400,
            }]
        } else {
            Vec::new()
        },
        stop_on: Vec::new(),
    }
}

fn experiment(rng: &mut Rng, bundle: &Bundle, number: usize, now: Timestamp) -> Experiment {
    let names: Vec<&str> = bundle.bindings.keys().map(String::as_str).collect();
    let arms: Vec<Arm> = (0..rng.usize(2..5))
        .map(|arm| Arm {
            name: format!("arm-{arm}"),
            weight: rng.u32(u32::from(arm == 0)..60),
            control: arm == 0,
            effect: effect(rng, bundle),
        })
        .collect();
    let mode = match rng.u8(0..5) {
        0 => ExperimentMode::Control,
        1 => ExperimentMode::Promoted {
            arm: arms[rng.usize(0..arms.len())].name.clone(),
        },
        _ => ExperimentMode::Split,
    };
    Experiment {
        mode,
        schedule: window(rng, now),
        salt: format!("shop/e{number}"),
        phase: rng.i32(1..4),
        bindings: some(rng, &names).into_iter().map(str::to_owned).collect(),
        audiences: if rng.bool() {
            some(rng, &AUDIENCES).into_iter().map(str::to_owned).collect()
        } else {
            Vec::new()
        },
        traffic_bp: [10_000, 6_000][rng.usize(0..2)],
        exclusion: rng.bool().then(|| Exclusion {
            salt: "shop/page:exclusion".into(),
            from_bp: rng.u32(0..5_000),
            to_bp: rng.u32(5_000..10_001),
        }),
        arms,
    }
}

fn effect(rng: &mut Rng, bundle: &Bundle) -> Effect {
    let module = MODULES[rng.usize(0..MODULES.len())].to_owned();
    match rng.u8(0..4) {
        0 => Effect::Baseline,
        1 => Effect::Personalize,
        2 => Effect::Module {
            module,
            forms: BTreeMap::new(),
        },
        _ => {
            let variants = &bundle.modules[&module].variants;
            let variant = variants[rng.usize(0..variants.len())].name.clone();
            Effect::Variant {
                module,
                variant,
                forms: BTreeMap::new(),
            }
        }
    }
}
