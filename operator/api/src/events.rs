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
                | Self::CertificateRotated
        )
    }
}
