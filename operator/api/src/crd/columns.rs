//! What `kubectl get` shows, and what it can select by.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, SelectableField,
};

use crate::kind::Kind;

/// The status of a condition.
macro_rules! condition {
    ($name:literal, $type_:literal) => {
        text(
            $name,
            concat!(r#".status.conditions[?(@.type==""#, $type_, r#"")].status"#),
        )
    };
    ($type_:literal) => {
        condition!($type_, $type_)
    };
}

const OWNER: Column = text("Owner", ".spec.owner.group");
const READY: Column = condition!("Ready");
const REASON: Column = text("Reason", r#".status.conditions[?(@.type=="Ready")].reason"#);
const RULES: Column = number("Rules", ".status.liveRules");
const DECLARED: Column = number("Declared", ".status.declaredRules");
const FIRED: Column = wide(number("Fired", ".status.firedRules"));
const AGE: Column = Column {
    type_: "date",
    ..text("Age", ".metadata.creationTimestamp")
};

/// A column of a table.
#[derive(Clone, Copy)]
struct Column {
    name: &'static str,
    type_: &'static str,
    path: &'static str,
    /// Shown with `-o wide` only.
    wide: bool,
}

const fn text(name: &'static str, path: &'static str) -> Column {
    Column {
        name,
        type_: "string",
        path,
        wide: false,
    }
}

const fn number(name: &'static str, path: &'static str) -> Column {
    Column {
        type_: "integer",
        ..text(name, path)
    }
}

const fn wide(column: Column) -> Column {
    Column { wide: true, ..column }
}

/// The columns of a kind: its owner, whether it is ready and why not, and what its people open the terminal for.
pub(super) fn columns(kind: Kind) -> Vec<CustomResourceColumnDefinition> {
    own_columns(kind)
        .iter()
        .chain(&[AGE])
        .map(Column::definition)
        .collect()
}

fn own_columns(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Program => PROGRAM,
        Kind::DataContract => DATA_CONTRACT,
        Kind::Audience => AUDIENCE,
        Kind::ContentModule => CONTENT_MODULE,
        Kind::Channel => CHANNEL,
        Kind::ChannelBinding => CHANNEL_BINDING,
        Kind::Metric => METRIC,
        Kind::Experiment => EXPERIMENT,
        Kind::Holdout => HOLDOUT,
        Kind::GovernancePolicy => GOVERNANCE_POLICY,
    }
}

const PROGRAM: &[Column] = &[
    text("Owner", ".spec.owners.rules.group"),
    READY,
    REASON,
    RULES,
    DECLARED,
    text("Lift", ".status.lift.percent"),
    number("Covered-Bp", ".status.coverage.coveredBp"),
    FIRED,
    condition!("Owned", "OwnersResolved"),
    condition!("Covered"),
    condition!("Balanced"),
    condition!("Measured"),
    condition!("Fresh"),
    wide(text("KPI", ".spec.kpi.metricRef.name")),
    wide(text("Review", ".spec.reviewBy")),
];
const DATA_CONTRACT: &[Column] = &[
    OWNER,
    READY,
    REASON,
    condition!("Audited"),
    wide(condition!("Observed")),
    wide(condition!("Consistent")),
    wide(condition!("Fresh")),
    wide(text("Review", ".spec.reviewBy")),
];
const AUDIENCE: &[Column] = &[
    OWNER,
    text("Stage", ".spec.stage"),
    READY,
    REASON,
    condition!("Actionable"),
    number("Bindings", ".status.usedBy.bindings"),
    wide(condition!("Fresh")),
    wide(text("Review", ".spec.reviewBy")),
];
const CONTENT_MODULE: &[Column] = &[
    OWNER,
    READY,
    REASON,
    condition!("Complete"),
    condition!("Fresh"),
    number("Live", ".status.variants.live"),
    number("Expired", ".status.variants.expired"),
    wide(number("Unapproved", ".status.variants.unapproved")),
];
const CHANNEL: &[Column] = &[
    OWNER,
    text("Type", ".spec.type"),
    READY,
    REASON,
    RULES,
    DECLARED,
    number("Current", ".status.deciders.current"),
    number("Desired", ".status.deciders.desired"),
    text("Sync", r#".status.conditions[?(@.type=="Synced")].reason"#),
    FIRED,
    wide(text("Endpoint", ".status.endpoint")),
    wide(text("Revision", ".status.revision")),
    wide(text("Acknowledged", ".status.sync.revision")),
    wide(Column {
        type_: "date",
        ..text("Last-Ack", ".status.sync.lastSuccess")
    }),
    wide(Column {
        type_: "date",
        ..text("Last-Drift", ".status.sync.lastDrift")
    }),
    wide(number("Attempts", ".status.sync.attempts")),
    wide(number("HTTP", ".status.sync.responseStatus")),
];
const CHANNEL_BINDING: &[Column] = &[
    text("Program", ".spec.programRef.name"),
    text("Channel", ".spec.channelRef.name"),
    text("Touchpoint", ".spec.touchpoint"),
    READY,
    REASON,
    RULES,
    DECLARED,
    number("Traffic-Bp", ".status.effectiveTrafficBp"),
    FIRED,
    wide(text(
        "Programmed",
        r#".status.conditions[?(@.type=="Programmed")].reason"#,
    )),
    wide(text("Revision", ".status.revision")),
];
const METRIC: &[Column] = &[
    OWNER,
    text("Type", ".spec.type"),
    READY,
    REASON,
    Column {
        type_: "number",
        ..text("Events/h", ".status.eventsPerHour")
    },
    wide(text("Dimension", ".spec.dimension")),
    wide(Column {
        type_: "date",
        ..text("Last-Event", ".status.lastEvent")
    }),
];
const EXPERIMENT: &[Column] = &[
    OWNER,
    text("State", ".spec.state"),
    READY,
    REASON,
    text("Verdict", ".status.headline.verdict"),
    text("Lift", ".status.headline.lift"),
    number("Units", ".status.headline.units"),
    number("Needed", ".status.headline.needed"),
    wide(text("Decision", ".status.decision.outcome")),
    wide(text("Program", ".spec.programRef.name")),
    wide(text("Recommendation", ".status.recommendation")),
];
const HOLDOUT: &[Column] = &[
    OWNER,
    text("Scope", ".spec.scope"),
    READY,
    REASON,
    number("Share-Bp", ".spec.shareBp"),
    number("Observed-Bp", ".status.observedBp"),
    text("Lift", ".status.lift[0].percent"),
    wide(text("Until", ".spec.period.until")),
];
const GOVERNANCE_POLICY: &[Column] = &[READY, REASON, number("Namespaces", ".status.namespaces")];

impl Column {
    fn definition(&self) -> CustomResourceColumnDefinition {
        CustomResourceColumnDefinition {
            name: self.name.to_owned(),
            type_: self.type_.to_owned(),
            json_path: self.path.to_owned(),
            priority: self.wide.then_some(1),
            ..Default::default()
        }
    }
}

/// The fields that `--field-selector` takes.
pub(super) fn selectable(kind: Kind) -> Option<Vec<SelectableField>> {
    let paths: &[&str] = match kind {
        Kind::Program => &[".spec.kpi.metricRef.name", ".spec.holdoutRef.name"],
        Kind::DataContract | Kind::ContentModule => &[".spec.owner.group"],
        Kind::Audience => &[".spec.owner.group", ".spec.stage"],
        Kind::Channel => &[".spec.owner.group", ".spec.type"],
        Kind::ChannelBinding => &[
            ".spec.programRef.name",
            ".spec.channelRef.name",
            ".spec.touchpoint",
        ],
        Kind::Metric => &[".spec.owner.group", ".spec.dimension"],
        Kind::Experiment => &[".spec.owner.group", ".spec.programRef.name", ".spec.state"],
        Kind::Holdout => &[".spec.owner.group", ".spec.scope"],
        Kind::GovernancePolicy => return None,
    };
    Some(
        paths
            .iter()
            .map(|path| SelectableField {
                json_path: (*path).to_owned(),
            })
            .collect(),
    )
}
