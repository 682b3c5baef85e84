//! What came of a pod.

/// What came of a request about a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// It has a decider now.
    Injected,
    /// It had one.
    AlreadyInjected,
    /// It asked for none although its namespace does.
    OptedOut,
    /// It names no Channel.
    NoChannel,
    /// It names more than one.
    SeveralChannels,
    /// It names something that cannot be a Channel.
    InvalidChannel,
    /// The Channel is not there.
    ChannelMissing,
    /// The Channel is delivered otherwise.
    NotSidecar,
    /// It has a container, a volume or a port of its own where ours would be.
    Clash,
    /// It is of a kind that no decider can stand in.
    Unfit,
    /// It is no pod that we can read.
    Unreadable,
    /// It is not about a pod that is created.
    Ignored,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Injected,
        Self::AlreadyInjected,
        Self::OptedOut,
        Self::NoChannel,
        Self::SeveralChannels,
        Self::InvalidChannel,
        Self::ChannelMissing,
        Self::NotSidecar,
        Self::Clash,
        Self::Unfit,
        Self::Unreadable,
        Self::Ignored,
    ];

    /// As metrics label it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Injected => "injected",
            Self::AlreadyInjected => "already_injected",
            Self::OptedOut => "opted_out",
            Self::NoChannel => "no_channel",
            Self::SeveralChannels => "several_channels",
            Self::InvalidChannel => "invalid_channel",
            Self::ChannelMissing => "channel_missing",
            Self::NotSidecar => "not_sidecar",
            Self::Clash => "clash",
            Self::Unfit => "unfit",
            Self::Unreadable => "unreadable",
            Self::Ignored => "ignored",
        }
    }

    /// Whether the pod asked for a decider and starts without: somebody should hear of it.
    pub const fn is_bare(self) -> bool {
        matches!(
            self,
            Self::SeveralChannels
                | Self::InvalidChannel
                | Self::ChannelMissing
                | Self::NotSidecar
                | Self::Clash
                | Self::Unfit
        )
    }
}
