//! What of a Channel's and a binding's spec matters to a decision.

use attune_api::channel::{ChannelSpec, Fallbacks, MetadataLevel, State, UnitIds};
use attune_api::channel_binding::{ChannelBindingSpec, Exposure};
use attune_api::common::{Cap, CapScope};
use attune_api::time::Span;
use attune_core::bucket::BASIS_POINTS;
use attune_core::bundle::{self, ChannelSettings, Identity, QuietHours, SharedState};
use attune_core::locale::Fallback;

/// The time zone of quiet hours that name none.
const DEFAULT_TIME_ZONE: &str = "UTC";

/// A Channel's settings.
pub(super) fn lower(spec: &ChannelSpec) -> ChannelSettings {
    let frequency = spec.frequency.as_ref();
    ChannelSettings {
        identity: identity(spec),
        client_attributes: spec.attributes.as_ref().map(|list| {
            list.iter()
                .map(|attribute| attribute.as_str().to_owned())
                .collect()
        }),
        locales: spec
            .locales
            .iter()
            .map(|locale| locale.as_str().to_owned())
            .collect(),
        locale_fallback: fallback(spec),
        diversity: spec.diversity.clone(),
        metadata: match spec.metadata() {
            MetadataLevel::Full => bundle::Metadata::Full,
            MetadataLevel::Reason => bundle::Metadata::Reason,
        },
        suspended: spec.suspend,
        caps: frequency
            .map(|frequency| frequency.caps.iter().map(cap).collect())
            .unwrap_or_default(),
        minimum_gap_seconds: frequency
            .and_then(|frequency| frequency.minimum_gap.as_ref())
            .map(Span::seconds),
        quiet_hours: spec.quiet_hours.as_ref().map(|quiet| QuietHours {
            from_minute: quiet.from.minutes(),
            to_minute: quiet.to.minutes(),
            time_zone: quiet
                .time_zone
                .as_ref()
                .map_or(DEFAULT_TIME_ZONE, |zone| zone.as_str())
                .to_owned(),
        }),
        plain_unit_ids: spec.unit_ids() == UnitIds::Plain,
        replay: spec.replay.as_ref().map(|replay| bundle::Replay {
            retention_seconds: replay.retention.seconds(),
            sample_bp: replay.sample_bp.map_or(BASIS_POINTS, attune_api::Whole::get_u32),
        }),
        state: spec.state.as_ref().map(state),
    }
}

/// Where the memory is and what opens it stays out: a bundle holds no secrets. How far back the namespace looks is known
/// once all of its Channels are.
fn state(state: &State) -> SharedState {
    SharedState {
        on_failure: match state.redis.on_failure() {
            attune_api::channel::OnFailure::Open => bundle::OnFailure::Open,
            attune_api::channel::OnFailure::Closed => bundle::OnFailure::Closed,
        },
        timeout_millis: state.redis.timeout_millis(),
        window_seconds: 0,
    }
}

/// What serves locales that nothing is written in, as deciders and checks know it.
pub(crate) fn fallback(spec: &ChannelSpec) -> Fallback {
    let texts = |others: &Fallbacks| others.0.iter().map(|locale| locale.as_str().to_owned()).collect();
    let by_locale = spec.locale_fallback.iter();
    by_locale
        .map(|(locale, others)| (locale.as_str().to_owned(), texts(others)))
        .collect()
}

fn identity(spec: &ChannelSpec) -> Identity {
    let identity = spec.identity.as_ref();
    let path = |path: Option<&attune_api::AttributeName>| path.map(|path| path.as_str().to_owned());
    Identity {
        unit: identity
            .map_or(attune_api::channel::Identity::DEFAULT_UNIT, |identity| {
                identity.unit()
            })
            .to_owned(),
        fallback: path(identity.and_then(|identity| identity.fallback.as_ref())),
        consent: path(identity.and_then(|identity| identity.consent.as_ref())),
        locale: path(identity.and_then(|identity| identity.locale.as_ref())),
        time_zone: path(identity.and_then(|identity| identity.time_zone.as_ref())),
    }
}

/// A binding with its lowered candidates.
pub(super) fn binding(spec: &ChannelBindingSpec, candidates: Vec<bundle::Candidate>) -> bundle::Binding {
    bundle::Binding {
        touchpoint: spec.touchpoint.as_str().to_owned(),
        program: spec.program_ref.name.as_str().to_owned(),
        priority: i64::from(spec.priority()),
        suspended: spec.suspend,
        candidates,
        rollout_bp: spec.share().get_u32(),
        exposure: match spec.exposure() {
            Exposure::OnRender => bundle::Exposure::OnRender,
            Exposure::OnDecision => bundle::Exposure::OnDecision,
        },
        caps: spec.caps.iter().map(cap).collect(),
        stop_on: spec
            .stop_on
            .iter()
            .map(|stop| bundle::StopOn {
                event: stop.event.as_str().to_owned(),
                window_seconds: stop.window.seconds(),
            })
            .collect(),
    }
}

fn cap(cap: &Cap) -> bundle::Cap {
    bundle::Cap {
        per: match cap.per {
            CapScope::Unit => bundle::CapScope::Unit,
            CapScope::Module => bundle::CapScope::Module,
            CapScope::Program => bundle::CapScope::Program,
            CapScope::Channel => bundle::CapScope::Channel,
        },
        max: cap.max.get_u32(),
        window_seconds: cap.window.seconds(),
    }
}
