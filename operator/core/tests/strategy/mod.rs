//! Strategies for tests: a small shop to start from, and what it answers to whom.
//!
//! Unit tests of the crate include this file as well, so that it speaks of `attune_core` and its public items only.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    clippy::missing_panics_doc,
    reason = "helpers of several test binaries, of which none uses all"
)]

pub mod asking;

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_core::bundle::{
    Arm, Attribute, Audience, Binding, Bundle, Candidate, ChannelSettings, Effect, Experiment,
    ExperimentMode, Exposure, FORMAT_VERSION, Holdout, Identity, Metadata, Module, Program, Rule, Touchpoint,
    Variant, Window,
};
use attune_core::decide::Reason;
use attune_core::engine::Engine;
use attune_core::expr::{self, Expect, Schema};
use attune_core::value::AttributeType;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The instant that every test pins.
pub const NOW: &str = "2026-12-01T00:00:00Z";

pub use asking::{Answer, Ask, Past};

pub fn instant(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// Half-open, like every window.
pub fn window(from: Option<&str>, until: Option<&str>) -> Window {
    Window {
        from: from.map(instant),
        until: until.map(instant),
    }
}

/// A bundle under construction.
#[derive(Debug, Clone)]
pub struct Plan(pub Bundle);

/// A Channel `web` in `shop` with a touchpoint `home` that has neither candidates nor a baseline.
pub fn empty() -> Plan {
    let identity = Identity {
        unit: "targetingKey".into(),
        fallback: Some("device.id".into()),
        consent: Some("consent".into()),
        locale: Some("locale".into()),
        time_zone: Some("timeZone".into()),
    };
    Plan(Bundle {
        format_version: FORMAT_VERSION,
        namespace: "shop".into(),
        channel: "web".into(),
        settings: ChannelSettings {
            identity,
            client_attributes: None,
            locales: vec!["en".into(), "de".into()],
            locale_fallback: BTreeMap::new(),
            diversity: vec![],
            metadata: Metadata::Full,
            suspended: false,
            caps: vec![],
            minimum_gap_seconds: None,
            quiet_hours: None,
            plain_unit_ids: false,
            replay: None,
            state: None,
        },
        attributes: BTreeMap::new(),
        audiences: BTreeMap::new(),
        modules: BTreeMap::new(),
        programs: BTreeMap::new(),
        holdouts: BTreeMap::new(),
        experiments: BTreeMap::new(),
        touchpoints: [("home".into(), Touchpoint::default())].into(),
        bindings: BTreeMap::new(),
    })
}

/// The shop of most tests: binding `hero-home` of program `retention` shows `hero` to audience `cart`, then to `gold`,
/// and `hero/everyone` to everybody else.
pub fn shop() -> Plan {
    empty()
        .attribute("user.tier", AttributeType::String, "personalization")
        .attribute("session.cartValue", AttributeType::Double, "service")
        .audience("gold", r#"user.tier == "gold""#)
        .audience("cart", "session.cartValue >= 50.0")
        .module("hero", |hero| {
            hero.core = slots(json!({"legal": "While stocks last."}));
            hero.localized_core =
                [("de".into(), slots(json!({"legal": "Solange der Vorrat reicht."})))].into();
            hero.variants = vec![
                variant("everyone", json!({"headline": "Welcome"})),
                variant("gold", json!({"headline": "Early access"})).audience("gold"),
                variant("cart", json!({"headline": "Your cart"})).audience("cart"),
            ];
        })
        .baseline("home", "hero")
        .program("retention", "personalization")
        .binding("hero-home", |binding| {
            binding.candidates = vec![candidate("hero", &["cart"]), candidate("hero", &["gold"])];
        })
}

/// Everybody of the [`shop`] grants this.
pub fn granted() -> Value {
    json!({"personalization": "Explicit"})
}

/// A consenting unit of audience `cart` and of no other.
pub fn cart(unit: &str) -> Value {
    json!({"targetingKey": unit, "consent": granted(), "session": {"cartValue": 80}})
}

pub fn slots(object: Value) -> BTreeMap<String, Value> {
    serde_json::from_value(object).expect("an object")
}

pub fn candidate(module: &str, audiences: &[&str]) -> Candidate {
    Candidate {
        module: module.into(),
        audiences: audiences.iter().map(ToString::to_string).collect(),
        when: None,
        score: None,
    }
}

pub fn variant(name: &str, content: Value) -> Variant {
    Variant {
        name: name.into(),
        audiences: vec![],
        names_channel: false,
        locales: vec![],
        content: slots(content),
        localized_content: BTreeMap::new(),
        validity: Window::default(),
    }
}

/// Shorthand for variants.
pub trait VariantExt {
    fn audience(self, name: &str) -> Self;
    fn locale(self, name: &str) -> Self;
    fn channel(self) -> Self;
    fn valid(self, from: Option<&str>, until: Option<&str>) -> Self;
}

impl VariantExt for Variant {
    fn audience(mut self, name: &str) -> Self {
        self.audiences.push(name.into());
        self
    }

    fn locale(mut self, name: &str) -> Self {
        self.locales.push(name.into());
        self
    }

    fn channel(mut self) -> Self {
        self.names_channel = true;
        self
    }

    fn valid(mut self, from: Option<&str>, until: Option<&str>) -> Self {
        self.validity = window(from, until);
        self
    }
}

pub fn arm(name: &str, weight: u32, effect: Effect) -> Arm {
    Arm {
        name: name.into(),
        weight,
        control: name == "control",
        effect,
    }
}

impl Plan {
    pub fn attribute(self, name: &str, ty: AttributeType, purpose: &str) -> Self {
        self.attribute_with(name, ty, purpose, |_| {})
    }

    pub fn attribute_with(
        mut self,
        name: &str,
        ty: AttributeType,
        purpose: &str,
        change: impl FnOnce(&mut Attribute),
    ) -> Self {
        let mut attribute = Attribute {
            ty,
            values: vec![],
            purpose: purpose.into(),
            sensitive: false,
        };
        change(&mut attribute);
        self.0.attributes.insert(name.into(), attribute);
        self
    }

    /// A rule over the attributes declared so far.
    pub fn rule(&self, source: &str, expect: Expect) -> Rule {
        let mut schema = Schema::new();
        for (name, attribute) in &self.0.attributes {
            schema.declare(expr::Attribute {
                name: name.clone(),
                ty: attribute.ty,
                values: attribute.values.clone(),
            });
        }
        let expression = expr::compile(source, &schema, expect).expect(source);
        Rule {
            source: source.into(),
            expression,
        }
    }

    pub fn audience(mut self, name: &str, source: &str) -> Self {
        let rule = self.rule(source, Expect::Bool);
        self.0.audiences.insert(
            name.into(),
            Arc::new(Audience {
                name: name.into(),
                rule,
            }),
        );
        self
    }

    /// A module whose baseline is `everyone`.
    pub fn module(mut self, name: &str, change: impl FnOnce(&mut Module)) -> Self {
        let fresh = || Module {
            name: name.into(),
            suspended: false,
            labels: BTreeMap::new(),
            core: BTreeMap::new(),
            localized_core: BTreeMap::new(),
            baseline: "everyone".into(),
            variants: vec![variant("everyone", json!({"headline": name}))],
        };
        let modules = &mut self.0.modules;
        change(Arc::make_mut(
            modules.entry(name.into()).or_insert_with(|| Arc::new(fresh())),
        ));
        self
    }

    pub fn baseline(mut self, touchpoint: &str, module: &str) -> Self {
        self.0.touchpoints.insert(
            touchpoint.into(),
            Touchpoint {
                baseline: Some(module.into()),
                formats: BTreeMap::new(),
            },
        );
        self
    }

    pub fn program(mut self, name: &str, purpose: &str) -> Self {
        let program = Program {
            purpose: purpose.into(),
            suspended: false,
            holdouts: vec![],
        };
        self.0.programs.insert(name.into(), program);
        self
    }

    /// A binding of `retention` at `home` with priority 100, or a change of one.
    pub fn binding(mut self, name: &str, change: impl FnOnce(&mut Binding)) -> Self {
        let binding = self.0.bindings.entry(name.into()).or_insert_with(|| Binding {
            touchpoint: "home".into(),
            program: "retention".into(),
            priority: 100,
            suspended: false,
            candidates: vec![],
            rollout_bp: 10_000,
            exposure: Exposure::OnRender,
            caps: vec![],
            stop_on: vec![],
        });
        change(binding);
        self
    }

    /// One candidate for everybody, with the rules given.
    pub fn open_binding(self, name: &str, module: &str, when: Option<&str>, score: Option<&str>) -> Self {
        let open = Candidate {
            when: when.map(|source| self.rule(source, Expect::Bool)),
            score: score.map(|source| self.rule(source, Expect::Number)),
            ..candidate(module, &[])
        };
        self.binding(name, |binding| binding.candidates.push(open))
    }

    /// Covers `retention`, after the holdouts that do already.
    pub fn holdout(mut self, name: &str, share_bp: u32, period: Window) -> Self {
        let salt = format!("shop/{name}:holdout");
        self.0.holdouts.insert(
            name.into(),
            Holdout {
                salt,
                share_bp,
                period,
            },
        );
        let retention = self.0.programs.get_mut("retention").expect("the program");
        retention.holdouts.push(name.into());
        self
    }

    /// A split of `hero-home` into `control` (baseline) and `treatment` (personalized), half and half, or a change of one.
    pub fn experiment(mut self, name: &str, change: impl FnOnce(&mut Experiment)) -> Self {
        let experiment = self
            .0
            .experiments
            .entry(name.into())
            .or_insert_with(|| Experiment {
                mode: ExperimentMode::Split,
                schedule: Window::default(),
                salt: format!("shop/{name}"),
                phase: 1,
                bindings: vec!["hero-home".into()],
                audiences: vec![],
                traffic_bp: 10_000,
                exclusion: None,
                arms: vec![
                    arm("control", 50, Effect::Baseline),
                    arm("treatment", 50, Effect::Personalize),
                ],
            });
        change(experiment);
        self
    }

    pub fn settings(mut self, change: impl FnOnce(&mut ChannelSettings)) -> Self {
        change(&mut self.0.settings);
        self
    }

    pub fn change(mut self, change: impl FnOnce(&mut Bundle)) -> Self {
        change(&mut self.0);
        self
    }

    pub fn engine(&self) -> Engine {
        Engine::load(self.0.clone()).expect("a bundle that loads")
    }

    /// What a context gets at `home`, [`NOW`], with nothing in its past.
    pub fn ask(&self, context: Value) -> Answer {
        Ask::new(context).of(&self.engine())
    }

    /// A unit whose answer has this reason.
    pub fn unit_with(&self, reason: Reason) -> String {
        let engine = self.engine();
        unit_where(|unit| Ask::new(cart(unit)).of(&engine).reason == reason)
    }
}

/// The first of `u0`, `u1`, ... that satisfies.
pub fn unit_where(satisfies: impl Fn(&str) -> bool) -> String {
    (0..10_000)
        .map(|number| format!("u{number}"))
        .find(|unit| satisfies(unit))
        .expect("one unit in 10,000")
}
