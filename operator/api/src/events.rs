//! Reasons of Events: a closed list, so that alerts and scripts may rely on them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::conditions::names;

names! {
    /// Reason of an Event that the operator posts.
    EventReason {
        /// The resource has become usable again.
        Ready,
        /// The resource is no longer usable; the note says what is wrong.
        NotReady,
        /// What the resource says is live again.
        Programmed,
        /// What the resource says is published, and no decider has acknowledged it yet.
        Published,
        /// What the resource says is no longer live.
        NotProgrammed,
        /// The resource no longer compiles; its last published form serves on.
        ServingPrevious,
        /// What was published before cannot be read, so nothing is published over it.
        PreviousUnreadable,
        /// The bundle is too large for the ConfigMap that outlives the operator.
        FallbackTooLarge,
        /// A decider refused what is published.
        Refused,
        /// Every decider has the published revision again.
        Converged,
        /// Some deciders do not have the published revision yet.
        Converging,
        /// The receiver has the published revision.
        Synced,
        /// The receiver does not get the published revision; the note says why.
        NotSynced,
        /// The receiver had the published revision and has something else now; it is sent again.
        Drifted,
        /// Pods that should have a decider have none; on the channel, and on the pods themselves.
        DecidersMissing,
        /// A condition about the strategy is true again; the note names it.
        StrategyMended,
        /// A condition about the strategy has turned false; the note names it and says why.
        StrategyBroken,
        /// A pod asked for a decider and starts without one.
        InjectionSkipped,
        /// A pod of another namespace asked for the channel's bundle and was denied.
        BundleDenied,
        /// A certificate or its authority was renewed.
        CertificateRotated,
        /// The primary metric of an experiment has a verdict.
        Concluded,
        /// The data of an experiment may not be believed.
        Invalid,
        /// A guardrail of an experiment is broken.
        GuardrailBroken,
        /// The winning arm of an experiment serves everybody from now on.
        Promoted,
        /// Control serves everybody from now on, since there was nothing to gain.
        Retired,
        /// Control serves everybody from now on, since there was harm.
        HarmStopped,
        /// Units that a holdout holds were personalized.
        Contaminated,
        /// The events of a metric stopped coming in.
        EventsStale,
        /// Somebody else's object has the name of one that the operator would write; it is left alone.
        NameTaken,
    }
}

impl EventReason {
    /// Whether it is nothing to worry about.
    pub const fn is_normal(self) -> bool {
        matches!(
            self,
            Self::Ready
                | Self::StrategyMended
                | Self::Programmed
                | Self::Published
                | Self::Converged
                | Self::Converging
                | Self::Synced
                | Self::CertificateRotated
                | Self::Concluded
                | Self::Promoted
                | Self::Retired
        )
    }
}
