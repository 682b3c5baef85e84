//! Condition types and reasons: closed lists, so that alerts and scripts may rely on them.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::kind::Kind;

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[doc = $variant_doc:literal])+ $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[doc = $variant_doc])+ $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// As it is written on a resource.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant),)*
                }
            }

            /// What it says, in the words of its documentation.
            pub const fn doc(self) -> &'static str {
                match self {
                    // Each line of a comment begins with the blank after its slashes.
                    $(Self::$variant => concat!($($variant_doc),+).trim_ascii(),)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use names;

names! {
    /// Type of a condition.
    ConditionType {
        /// The resource is usable: accepted, resolved and, where it is served, programmed.
        Ready,
        /// Work on the resource is under way; abnormal when true.
        Reconciling,
        /// Work on the resource cannot go on by itself; abnormal when true.
        Stalled,
        /// The resource by itself is sound.
        Accepted,
        /// What it refers to exists and is sound.
        ResolvedRefs,
        /// What it says is live.
        Programmed,
        /// Program: every owner is known and may change what it owns.
        OwnersResolved,
        /// Program: the minimum coverage is reached.
        Covered,
        /// Program: it does not live off the lower end of the funnel alone.
        Balanced,
        /// Program: it is measured against a holdout.
        Measured,
        /// DataContract: no other contract says something else about its attributes.
        Consistent,
        /// DataContract: its attributes were audited, and not too long ago.
        Audited,
        /// DataContract: deciders see its attributes as it says.
        Observed,
        /// Audience: it is reachable, addressed better than everybody, and measurable.
        Actionable,
        /// Program, DataContract, Audience and ContentModule: nothing in it is overdue or expired.
        Fresh,
        /// ContentModule: it has every version that it needs.
        Complete,
        /// Channel: every decider has the published revision.
        Converged,
        /// Channel: the receiver has the published revision.
        Synced,
        /// ChannelBinding: another binding takes units from it; abnormal when true.
        Conflicted,
        /// Metric: its events come in.
        Receiving,
        /// Experiment: units are put into arms.
        Running,
        /// Experiment: arms have the shares that they should have.
        SampleRatioHealthy,
        /// Experiment: no guardrail is broken.
        GuardrailsHealthy,
        /// Experiment: it can see the minimum worthwhile lift.
        Powered,
        /// Experiment: the primary metric has a verdict.
        Conclusive,
        /// Holdout: deciders hold its units back.
        Enforced,
        /// Holdout: its units really were not personalized.
        Intact,
    }
}

names! {
    /// Reason of a condition or a finding.
    Reason {
        /// The resource by itself is sound.
        Accepted,
        /// Everything that it refers to exists and is sound.
        ResolvedRefs,
        /// It is usable.
        Ready,
        /// Nothing is under way.
        Settled,
        /// It was not looked at yet.
        Pending,

        /// A document cannot be read as a resource.
        Undecodable,
        /// A file cannot be read as YAML.
        InvalidSyntax,
        /// A key stands twice in one mapping.
        DuplicateKey,
        /// A kind that the group does not have.
        UnknownKind,
        /// A field that the kind does not have.
        UnknownField,
        /// A field that must be there is not.
        MissingField,
        /// The value of a field is not allowed.
        InvalidField,
        /// An unquoted YAML scalar is read as another type than it looks.
        AmbiguousScalar,
        /// Two resources have one kind, namespace and name, or two things in one have one name.
        Duplicate,
        /// A field may not change any more.
        Frozen,

        /// Something that it refers to does not exist.
        RefNotFound,
        /// Something that it refers to exists and is not sound.
        RefInvalid,
        /// A touchpoint that its channel does not have.
        TouchpointNotFound,
        /// A variant that its module does not have.
        VariantNotFound,
        /// An audience that the program does not address.
        AudienceNotInProgram,
        /// An experiment names a binding of another program.
        ProgramMismatch,

        /// An expression cannot be parsed, or uses what the language does not have.
        InvalidExpression,
        /// An expression mixes types, or does not give what its field needs.
        TypeMismatch,
        /// An expression reads an attribute that no contract has.
        UnknownAttribute,
        /// An expression compares an attribute with a value that its contract does not list.
        UnknownValue,
        /// An expression costs more than a decision may.
        ExpressionTooCostly,
        /// An expression is the same for everybody.
        ConstantExpression,
        /// An expression reads an attribute that the channel's clients may not supply.
        AttributeNotSupplied,

        /// A variant does not fill what the touchpoint needs, or does not fit it.
        SlotContract,
        /// Words have no safe form for what the touchpoint shows.
        UnsafeContent,
        /// The baseline module or variant cannot serve everybody.
        BaselineInvalid,
        /// A variant that nobody can ever see.
        Unreachable,
        /// Two bindings of one priority can admit the same unit.
        Conflicted,
        /// No other binding can take its units.
        NoConflict,
        /// Two experiments can put the same unit into arms.
        Overlaps,
        /// Two objects hash with one explicit salt.
        SharedSalt,
        /// More than one holdout for the whole namespace.
        HoldoutNotUnique,
        /// Contracts say different things about one attribute.
        ContractConflict,
        /// Contracts agree.
        Consistent,
        /// Every version that is needed is there.
        Complete,
        /// Versions that are needed are not there.
        Incomplete,

        /// What it says is published and acknowledged.
        Programmed,
        /// What it says is published and not acknowledged yet.
        Published,
        /// A decider, or the receiver, acknowledged what is published.
        Acknowledged,
        /// It is published and no decider is desired.
        NoDeciders,
        /// It no longer compiles; the last published form serves on.
        ServingPrevious,
        /// It does not compile and was never published.
        NotProgrammed,
        /// It is too large for the ConfigMap that outlives the operator.
        FallbackTooLarge,
        /// The previous bundle cannot be read, so nothing is published over it.
        PreviousUnreadable,
        /// A decider, or the receiver, refused what is published.
        Refused,
        /// Every decider has the published revision.
        Converged,
        /// Some deciders do not have the published revision yet.
        Converging,
        /// Some pods that should have a decider have none.
        DecidersMissing,
        /// The receiver has the published revision.
        Synced,
        /// The receiver does not have it yet.
        SyncPending,
        /// The receiver could not be reached, or cannot take it now.
        ReceiverUnreachable,
        /// The receiver had it and has something else now.
        Drifted,
        /// A Secret that the delivery needs is not there, or does not hold what it should.
        SecretMissing,
        /// The operator's settings do not let it send there.
        EgressDenied,
        /// The format that the channel is delivered in cannot carry it.
        FormatUnsupported,
        /// It goes by what units were shown or did, and the channel is delivered in batch, where nobody's past is known.
        PastUnknown,
        /// It is too large for the ConfigMap that it is written into.
        TooLarge,
        /// Somebody else's object has the name of the ConfigMap that it is written into.
        NameTaken,
        /// The last run of the batch did not come to its end.
        BatchFailed,

        /// Somebody suspended it, or what it belongs to.
        Suspended,
        /// Its time has not come yet.
        NotYetValid,
        /// Its time is over.
        Expired,
        /// Its time ends soon.
        ExpiresSoon,
        /// Its review date is over.
        ReviewOverdue,
        /// Its review date is further away than the policy allows.
        ReviewTooFar,
        /// It has no review date.
        ReviewMissing,
        /// Nothing in it is overdue or expired.
        Fresh,
        /// Nothing has used it for a long time.
        Unused,

        /// A group is not one of the policy's teams.
        UnknownGroup,
        /// No policy asks for it.
        NotJudged,
        /// Something that it needs breaks a rule that a policy enforces.
        Gated,
        /// A policy contradicts itself or another one.
        Contradiction,
        /// A policy selects no namespace that has a strategy.
        SelectsNothing,
        /// A program does not say everything that it is to be judged by.
        ObjectiveIncomplete,
        /// A group may not change what it owns.
        AccessMissing,
        /// Whether a group may change what it owns is not known.
        AccessUnknown,
        /// Who may change it is a matter of the repository: `attune lint --codeowners` knows.
        ManagedByGit,
        /// Owners are known and may change what they own.
        OwnersResolved,
        /// The minimum coverage is reached.
        Covered,
        /// The minimum coverage is not reached.
        CoverageTooLow,
        /// A waiver names a cell that does not exist.
        WaiverUnmatched,
        /// Rules are spread over the funnel.
        Balanced,
        /// Too much waits at the lower end of the funnel.
        FunnelUnbalanced,
        /// More audiences than a program may have without evidence.
        AudienceBudget,
        /// An audience has no insight, or a copy of another's.
        InsightMissing,
        /// It can be reached, addressed and measured.
        Actionable,
        /// It cannot be reached.
        NotReachable,
        /// It gets what everybody gets.
        NotDifferentiated,
        /// Nothing measures it.
        NotMeasurable,
        /// It lives on one channel alone.
        SingleChannel,
        /// An audience has the members of another, or nearly.
        DuplicateAudience,
        /// Attributes were audited.
        Audited,
        /// Attributes were not audited, or too long ago.
        AuditMissing,
        /// The audit did not pass.
        AuditFailed,
        /// The audit is older than the policy allows.
        AuditAged,
        /// The audit is dated in the future.
        AuditInFuture,
        /// A personal attribute that no rule uses.
        UnusedAttribute,
        /// A rule asks for a value that a policy forbids in rules.
        ForbiddenValue,
        /// A channel cannot tell the explicit consent that a sensitive attribute needs.
        ConsentMissing,
        /// Sensitive attributes are used.
        SensitiveAttribute,
        /// Attributes are used for a purpose that they are not for.
        PurposeMismatch,
        /// A prohibited tactic is used.
        ProhibitedTactic,
        /// Words press for haste and have no end.
        UrgencyUnbounded,
        /// A locale is shown what a policy keeps from it.
        LocaleForbidden,
        /// A channel lists a locale that nothing is written in.
        LocaleUnserved,
        /// A variant is not approved.
        Unapproved,
        /// What was approved is not what is there now.
        ApprovalOutdated,
        /// A rollout is beyond the test share without evidence.
        EvidenceMissing,
        /// The evidence is of another audience, module or metric.
        EvidenceMismatch,
        /// The evidence is older than the policy allows.
        EvidenceAged,
        /// Rollouts are evidence of each other.
        EvidenceCyclic,
        /// A program is not measured against a holdout.
        HoldoutMissing,
        /// A program is measured against a holdout.
        Measured,
        /// The primary metric is of a dimension that does not matter.
        VanityMetric,
        /// More versions are needed than a team can make.
        CapacityExceeded,

        /// Events come in.
        Receiving,
        /// No event came in yet.
        NoEvents,
        /// Events stopped coming in.
        EventsStale,
        /// Deciders see attributes as the contract says.
        Observed,
        /// Deciders miss attributes.
        AttributeGaps,
        /// The source of figures cannot be asked.
        SourceUnavailable,

        /// The experiment is being written.
        Draft,
        /// Its start has not come yet.
        Scheduled,
        /// Units are put into arms.
        Running,
        /// Everybody gets control for now.
        Paused,
        /// It is over for good.
        Stopped,
        /// Its end has come.
        Ended,
        /// The winning arm serves everybody.
        Promoted,
        /// Control serves everybody, since there was nothing to gain.
        Retired,
        /// Control serves everybody, since there was harm.
        HarmStopped,
        /// Arms have the shares that they should have.
        SampleRatioHealthy,
        /// Arms do not have the shares that they should have.
        SampleRatioMismatch,
        /// No guardrail is broken.
        GuardrailsHealthy,
        /// A guardrail is broken.
        GuardrailBroken,
        /// It can see the minimum worthwhile lift.
        Powered,
        /// It cannot see the minimum worthwhile lift.
        Underpowered,
        /// No unit was exposed yet.
        NotStarted,
        /// Not enough data to say anything.
        Collecting,
        /// The data may not be believed.
        Invalid,
        /// Worse than control.
        Harm,
        /// The minimum worthwhile lift is out of reach.
        NoWorthwhileLift,
        /// At least the minimum worthwhile lift.
        WorthwhileLift,
        /// Better than control.
        Lift,
        /// The planned end was reached without proof.
        Unproven,
        /// Deciders hold the units back.
        Enforced,
        /// No program is served that it holds for.
        NoPrograms,
        /// Held units were not personalized.
        Intact,
        /// Held units were personalized.
        Contaminated,

        /// Our own mistake; what serves stays.
        InternalError,
    }
}

impl Kind {
    /// Condition types that its resources carry, besides the three of every kind: `Ready`, `Reconciling`, `Stalled`.
    pub const fn conditions(self) -> &'static [ConditionType] {
        use ConditionType as C;
        match self {
            Self::Program => &[
                C::Accepted,
                C::ResolvedRefs,
                C::OwnersResolved,
                C::Covered,
                C::Balanced,
                C::Measured,
                C::Fresh,
            ],
            Self::DataContract => &[C::Accepted, C::Consistent, C::Audited, C::Observed, C::Fresh],
            Self::Audience => &[C::Accepted, C::ResolvedRefs, C::Actionable, C::Fresh],
            Self::ContentModule => &[C::Accepted, C::ResolvedRefs, C::Complete, C::Fresh],
            Self::Channel => &[
                C::Accepted,
                C::ResolvedRefs,
                C::Programmed,
                C::Converged,
                C::Synced,
            ],
            Self::ChannelBinding => &[C::Accepted, C::ResolvedRefs, C::Conflicted, C::Programmed],
            Self::Metric => &[C::Accepted, C::Receiving],
            Self::Experiment => &[
                C::Accepted,
                C::ResolvedRefs,
                C::Running,
                C::SampleRatioHealthy,
                C::GuardrailsHealthy,
                C::Powered,
                C::Conclusive,
            ],
            Self::Holdout => &[C::Accepted, C::Enforced, C::Intact],
            Self::GovernancePolicy => &[C::Accepted],
        }
    }
}
