//! What may happen to a strategy.

use attune_api::Kind;
use attune_api::conditions::Reason;
use attune_compile::ObjectId;
use attune_compile::access::Answer;
use attune_compile::status::Fallback;
use proptest::prelude::*;
use proptest::strategy::Strategy as Generator;
use serde_json::{Value, json};

use super::super::id;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A field of a document gets another value; a document that is gone comes back with it.
    Store(ObjectId, &'static str, Value),
    /// A document is as it was in the beginning.
    Mend(ObjectId),
    /// There is another one like it.
    Copy(ObjectId, &'static str),
    Drop(ObjectId),
    /// It cannot be read any more.
    Misread(ObjectId),
    /// Somebody else writes a status.
    Write(ObjectId, Value),
    Label(Option<&'static str>),
    Answer(Answer),
    Hear(&'static str, i32, i32),
    Fallback(&'static str, Fallback),
    /// A run of a batch ended, after so many units.
    Run(&'static str, i64),
    /// The receiver of rules has them, or why it has not.
    Receive(&'static str, Reason),
    Count(&'static str, u64),
    Wait(i64),
    /// Everything is listed anew.
    List,
    /// Nothing that was written is relied on.
    Lead,
}

const OBJECTS: [(Kind, &str); 18] = [
    (Kind::Program, "spring-retention"),
    (Kind::Program, "summer-retention"),
    (Kind::DataContract, "shopper"),
    (Kind::Audience, "loyal-high-value"),
    (Kind::Audience, "lapsed"),
    (Kind::Audience, "lapsed-too"),
    (Kind::Audience, "cart-abandoner"),
    (Kind::ContentModule, "hero"),
    (Kind::ContentModule, "hero-too"),
    (Kind::Channel, "web"),
    (Kind::Channel, "email"),
    (Kind::ChannelBinding, "retention-home-hero"),
    (Kind::ChannelBinding, "summer-home-hero"),
    (Kind::ChannelBinding, "retention-newsletter"),
    (Kind::Metric, "repeat-purchase"),
    (Kind::Experiment, "cart-hero"),
    (Kind::Holdout, "always-baseline"),
    (Kind::GovernancePolicy, "default"),
];

fn object() -> impl Generator<Value = ObjectId> {
    prop::sample::select(OBJECTS.to_vec()).prop_map(|(kind, name)| id(kind, name))
}

/// Fields and what they may hold: kind, name, pointer, values.
const FIELDS: &str = r#"
ChannelBinding retention-home-hero /spec/candidates/0/moduleRef/name ["gone", "hero-too", "lapsed"]
ChannelBinding retention-home-hero /spec/candidates/1/audiences/0 ["gone", "lapsed", "lapsed-too", "hero"]
ChannelBinding retention-home-hero /spec/programRef/name ["summer-retention", "gone"]
ChannelBinding retention-home-hero /spec/channelRef/name ["email", "gone"]
ChannelBinding retention-home-hero /spec/touchpoint ["home-hero", "newsletter"]
ChannelBinding retention-home-hero /spec/rollout/shareBp [0, 500]
ChannelBinding summer-home-hero /spec/candidates/1/audiences/0 ["gone", "lapsed", "lapsed-too"]
ChannelBinding summer-home-hero /spec/priority [100, 7, "high"]
Program spring-retention /spec/audiences [["lapsed"], [], ["gone", "lapsed"]]
Program spring-retention /spec/holdoutRef/name ["gone", "always-baseline"]
Program spring-retention /spec/reviewBy ["2026-11-30", "2026-12-20"]
Program spring-retention /spec/owners/content/group ["crm", "nobody"]
Program summer-retention /spec/coverage/waivers/0/touchpoint ["nowhere"]
Experiment cart-hero /spec/bindings/0 ["summer-home-hero", "gone"]
Experiment cart-hero /spec/analysis/primary ["unsubscribe", "gone"]
Experiment cart-hero /spec/state ["Draft", "Paused", "Running"]
Experiment cart-hero /spec/phase [2]
Experiment cart-hero /spec/arms/1/effect [{"type": "Module", "moduleRef": {"name": "hero-too"}}]
Experiment cart-hero /spec/arms/1/effect [{"type": "Variant", "moduleRef": {"name": "hero"}, "name": "lapsed"}]
Channel web /spec/touchpoints/0/baseline/moduleRef/name ["gone", "hero-too"]
Channel web /spec/touchpoints/0/name ["home-hero", "home"]
Channel web /spec/locales [["en"], ["de", "en"]]
Channel web /spec/touchpoints/0/slots/0/maxLength [5, 60]
Channel web /spec/touchpoints/0/slots/0/format ["Html", "Text", null]
Channel web /spec/touchpoints/0/slots/1/format ["Html", "Url"]
Channel web /spec/touchpoints/0/links [{"campaign": [{"name": "utm_content", "value": "{binding}"}]}, {"campaign": [{"name": "v", "value": "{variant}-{program}"}]}]
Channel web /spec/localeFallback [{"fr": ["de"]}, {"de": ["en"]}]
Channel web /spec/diversity [["topic"], ["season"], []]
Channel email /spec/frequency/caps/0/window ["24h", "400h"]
Channel web /spec/state [{"redis": {"secretRef": {"name": "seen"}}}]
Channel email /spec/state [{"redis": {"secretRef": {"name": "seen"}}}]
Channel web /spec/delivery [{"service": {"replicas": 1}}, {"sidecar": {}}]
Channel email /spec/delivery [{"sidecar": {}}, {"push": {"url": "https://mail.example/rules", "format": "Flagd"}}, {"configMap": {"name": "rules"}}, {"batch": {"schedule": "0 4 * * *", "source": {"postgres": {"secretRef": {"name": "warehouse"}, "table": "people"}}, "sink": {"postgres": {"secretRef": {"name": "warehouse"}, "table": "decisions"}}}}]
ContentModule hero /spec/labels [{"topic": "shoes"}, {"topic": "hats", "season": "spring"}]
ContentModule hero /spec/slots/0/type ["Markdown", "Text"]
ContentModule hero /spec/baseline ["gone", "lapsed"]
ContentModule hero /spec/variants/4/audiences/0 ["gone", "lapsed"]
ContentModule hero /spec/variants/3/channels/0 ["gone", "email"]
ContentModule hero /spec/variants/0/content/headline ["Other words", "only today", ""]
ContentModule hero /spec/variants/2/content/headline ["Other words", "Words that are far too long for the place that shows them"]
ContentModule hero /spec/variants/2/validity/until ["2026-12-15T00:00:00Z", "2026-11-15T00:00:00Z"]
ContentModule hero /spec/owner/group ["nobody", "crm"]
ContentModule hero /spec [{}, {"suspend": "yes"}]
ContentModule hero-too /spec/variants/3/content/cta ["Other words", "only today", ""]
DataContract shopper /spec/attributes/1/type ["String", "Double", "Strange"]
DataContract shopper /spec/attributes/4/name ["session.cart", "session.cartValue"]
DataContract shopper /spec/attributes/0/values [["gold"], ["none", "gold", "platinum"]]
DataContract shopper /spec/attributes/5/sensitivity ["Sensitive", "None"]
DataContract shopper /spec/audit/result ["Failed", "Passed"]
Audience lapsed /spec/reach/estimate [0, 170000]
Audience lapsed /spec/insight/believes ["Other words"]
Holdout always-baseline /spec/period/until ["2026-12-03T00:00:00Z"]
Holdout always-baseline /spec/scope ["Program", "Namespace"]
Metric repeat-purchase /spec/event/where ["value >", "value > 1.0"]
GovernancePolicy default /spec/rules/coverage/enforcement ["Enforce", "Warn", "Ignore"]
GovernancePolicy default /spec/rules/tactics/enforcement ["Enforce", "Warn", "Ignore"]
GovernancePolicy default /spec/rules/review/enforcement ["Enforce", "Ignore"]
GovernancePolicy default /spec/rules/ownerAccess/enforcement ["Enforce", "Ignore"]
GovernancePolicy default /spec/rules/sensitiveAttributes/enforcement ["Warn"]
GovernancePolicy default /spec/rules/approval/enforcement ["Enforce"]
GovernancePolicy default /spec/namespaceSelector [{"matchLabels": {"region": "eu"}}, {}]
GovernancePolicy default /spec/rules/tactics/phrases/en [["welcome"], ["shop now"]]
GovernancePolicy default /spec/rules/capacity/versionsPerQuarter [{"content-studio": 1}]
GovernancePolicy default /spec/teams [["crm"], ["data-platform", "crm", "content-studio", "analytics", "web-team"]]
"#;

/// Fields that hold an expression.
const RULES: [(Kind, &str, &str); 4] = [
    (Kind::Audience, "lapsed", "/spec/match"),
    (Kind::Audience, "lapsed-too", "/spec/match"),
    (Kind::Audience, "cart-abandoner", "/spec/match"),
    (
        Kind::ChannelBinding,
        "summer-home-hero",
        "/spec/candidates/1/when",
    ),
];

const EXPRESSIONS: [&str; 9] = [
    "true",
    "user.tier ==",
    "user.teir == \"gold\"",
    "session.cartValue + 1",
    "session.cartValue >= 50.0 && session.itemCount > 0",
    "session.itemCount > 0 && session.cartValue >= 50.0",
    "session.itemCount > 1 || session.returning",
    "user.tier == \"gold\" && user.tier == \"silver\"",
    "user.interests.exists(i, i == \"shoes\")",
];

fn fields() -> Vec<(ObjectId, &'static str, Vec<Value>)> {
    let lines = FIELDS.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut words = line.splitn(4, ' ');
            let mut next = || words.next().expect("four words");
            let kind: Kind = next().parse().expect("a kind");
            let (name, pointer, values) = (next(), next(), next());
            (
                id(kind, name),
                pointer,
                serde_json::from_str(values).expect("a list"),
            )
        })
        .collect()
}

fn store() -> impl Generator<Value = Step> {
    let fields = prop::sample::select(fields()).prop_flat_map(|(id, pointer, values)| {
        prop::sample::select(values).prop_map(move |value| Step::Store(id.clone(), pointer, value))
    });
    let rules = (
        prop::sample::select(&RULES[..]),
        prop::sample::select(&EXPRESSIONS[..]),
    );
    let rules =
        rules.prop_map(|((kind, name, pointer), text)| Step::Store(id(kind, name), pointer, text.into()));
    prop_oneof![3 => fields, 1 => rules]
}

fn written() -> impl Generator<Value = Step> {
    let decision = json!({
        "outcome": "Promoted", "arm": "reminder", "verdict": "Lift", "reason": "it is better", "at": "2026-12-01T00:00:00Z",
        "units": 40_000, "registration": "unknown",
    });
    prop_oneof![
        Just(Step::Write(
            id(Kind::Experiment, "cart-hero"),
            json!({"decision": decision})
        )),
        Just(Step::Write(id(Kind::Audience, "lapsed"), Value::Null)),
        Just(Step::Write(
            id(Kind::ChannelBinding, "retention-home-hero"),
            Value::Null
        )),
    ]
}

fn outside() -> impl Generator<Value = Step> {
    let channel = || prop_oneof![Just("web"), Just("email")];
    let answer = prop_oneof![Just(Answer::Allowed), Just(Answer::Denied), Just(Answer::Unknown)];
    let fallback = prop_oneof![Just(Fallback::Stands), Just(Fallback::TooLarge)];
    let received = prop_oneof![Just(Reason::Synced), Just(Reason::Refused)];
    prop_oneof![
        prop_oneof![Just(None), Just(Some("eu"))].prop_map(Step::Label),
        answer.prop_map(Step::Answer),
        (channel(), 0..3, 0..2).prop_map(|(channel, current, stale)| Step::Hear(channel, current, stale)),
        (channel(), fallback).prop_map(|(channel, fallback)| Step::Fallback(channel, fallback)),
        (channel(), 1..3_i64).prop_map(|(channel, units)| Step::Run(channel, units)),
        (channel(), received).prop_map(|(channel, reason)| Step::Receive(channel, reason)),
        prop_oneof![Just(1), Just(30), Just(24 * 45), Just(24 * 100)].prop_map(Step::Wait),
        (channel(), prop_oneof![Just(10), Just(3000)])
            .prop_map(|(channel, count)| Step::Count(channel, count)),
        Just(Step::List),
        Just(Step::Lead),
    ]
}

/// Some steps, each with whether what is written about it is seen at once.
pub(super) fn steps() -> impl Generator<Value = Vec<(Step, bool)>> {
    let copies = prop_oneof![
        Just(Step::Copy(id(Kind::Audience, "lapsed"), "another")),
        Just(Step::Copy(
            id(Kind::ChannelBinding, "retention-home-hero"),
            "another"
        )),
        Just(Step::Copy(id(Kind::Channel, "email"), "another")),
        Just(Step::Copy(id(Kind::Holdout, "always-baseline"), "another")),
        Just(Step::Copy(id(Kind::Experiment, "cart-hero"), "another")),
    ];
    let step = prop_oneof![
        8 => store(),
        3 => object().prop_map(Step::Mend),
        2 => object().prop_map(Step::Drop),
        1 => object().prop_map(Step::Misread),
        1 => copies,
        1 => written(),
        4 => outside(),
    ];
    prop::collection::vec((step, prop::bool::weighted(0.7)), 1..12)
}
