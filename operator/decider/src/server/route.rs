//! Which path is which.

use axum::http::Method;
use axum::http::request::Parts;

use super::Serves;
use crate::access::Keys;

/// Below it, touchpoints by name.
const FLAGS: &str = "/ofrep/v1/evaluate/flags";

/// Below it, units by id.
const UNITS: &str = "/v1/units/";

/// Below it, errors are OFREP's.
const OFREP: &str = "/ofrep/";

/// The event stream.
pub(super) const CHANGES: &str = "/ofrep/v1/changes";

/// What a path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'p> {
    /// One touchpoint, its name percent-encoded as it came.
    Flag(&'p str),
    Flags,
    Changes,
    Decide,
    Events,
    Explain,
    Membership,
    /// One unit, its id percent-encoded as it came.
    Unit(&'p str),
    Healthz,
    Startupz,
    Readyz,
    Metrics,
    /// None that there is, where OFREP's paths are.
    UnknownFlag,
    Unknown,
}

impl Route<'_> {
    /// Every route, in the order of the document.
    pub(super) const ALL: [Self; 12] = [
        Self::Flag("{touchpoint}"),
        Self::Flags,
        Self::Changes,
        Self::Decide,
        Self::Events,
        Self::Explain,
        Self::Membership,
        Self::Unit("{unit}"),
        Self::Healthz,
        Self::Startupz,
        Self::Readyz,
        Self::Metrics,
    ];

    /// Its path, with a name in braces for what differs.
    pub(super) fn template(self) -> &'static str {
        match self {
            Self::Flag(_) => "/ofrep/v1/evaluate/flags/{touchpoint}",
            Self::Flags => FLAGS,
            Self::Changes => CHANGES,
            Self::Decide => "/v1/decide",
            Self::Events => "/v1/events",
            Self::Explain => "/v1/explain",
            Self::Membership => "/v1/membership",
            Self::Unit(_) => "/v1/units/{unit}",
            Self::Healthz => "/healthz",
            Self::Startupz => "/startupz",
            Self::Readyz => "/readyz",
            Self::Metrics => "/metrics",
            Self::UnknownFlag | Self::Unknown => "",
        }
    }

    /// Its name in the document.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Flag(_) => "evaluate",
            Self::Flags => "evaluateAll",
            Self::Changes => "changes",
            Self::Decide => "decide",
            Self::Events => "events",
            Self::Explain => "explain",
            Self::Membership => "membership",
            Self::Unit(_) => "forget",
            Self::Healthz => "healthz",
            Self::Startupz => "startupz",
            Self::Readyz => "readyz",
            Self::Metrics => "metrics",
            Self::UnknownFlag | Self::Unknown => "",
        }
    }
}

impl<'p> Route<'p> {
    pub(super) fn of(path: &'p str) -> Self {
        if let Some(rest) = path.strip_prefix(FLAGS) {
            return match rest.strip_prefix('/') {
                Some(key) if !key.is_empty() && !key.contains('/') => Self::Flag(key),
                None if rest.is_empty() => Self::Flags,
                _ => Self::UnknownFlag,
            };
        }
        if let Some(unit) = path.strip_prefix(UNITS) {
            return if unit.is_empty() || unit.contains('/') {
                Self::Unknown
            } else {
                Self::Unit(unit)
            };
        }
        match path {
            CHANGES => Self::Changes,
            "/v1/decide" => Self::Decide,
            "/v1/events" => Self::Events,
            "/v1/explain" => Self::Explain,
            "/v1/membership" => Self::Membership,
            "/healthz" => Self::Healthz,
            "/startupz" => Self::Startupz,
            "/readyz" => Self::Readyz,
            "/metrics" => Self::Metrics,
            _ if path.starts_with(OFREP) => Self::UnknownFlag,
            _ => Self::Unknown,
        }
    }

    /// Whether OFREP defines what its errors look like.
    pub(super) fn is_ofrep(self) -> bool {
        matches!(
            self,
            Self::Flag(_) | Self::Flags | Self::Changes | Self::UnknownFlag
        )
    }

    /// Whether callers need a key, where there are keys: whatever tells of rules or units.
    pub(super) fn is_guarded(self) -> bool {
        !matches!(
            self,
            Self::Healthz | Self::Startupz | Self::Readyz | Self::Metrics | Self::UnknownFlag | Self::Unknown
        )
    }

    /// Whether the request shows what it takes.
    pub(super) fn admits(self, keys: &Keys, head: &Parts) -> bool {
        let token = || {
            let query = head.uri.query().unwrap_or_default();
            query.split('&').find_map(|pair| pair.strip_prefix("token="))
        };
        keys.admit(&head.headers)
            || self == Self::Changes && token().is_some_and(|token| keys.admit_token(token))
    }

    pub(super) fn is_served(self, serves: Serves) -> bool {
        match self {
            Self::UnknownFlag | Self::Unknown => false,
            Self::Healthz | Self::Startupz | Self::Readyz => true,
            Self::Metrics => serves != Serves::Decisions,
            _ => serves != Serves::Probes,
        }
    }

    pub(super) fn takes(self, method: &Method) -> bool {
        match self {
            Self::Unit(_) => *method == Method::DELETE,
            _ if self.reads() => matches!(*method, Method::GET | Method::HEAD),
            _ => *method == Method::POST,
        }
    }

    /// As the `Allow` header lists it. OPTIONS is answered everywhere.
    pub(super) fn allows(self) -> &'static str {
        match self {
            Self::Unit(_) => "DELETE, OPTIONS",
            _ if self.reads() => "GET, HEAD, OPTIONS",
            _ => "POST, OPTIONS",
        }
    }

    fn reads(self) -> bool {
        !matches!(
            self,
            Self::Flag(_) | Self::Flags | Self::Decide | Self::Events | Self::Explain | Self::Unit(_)
        )
    }
}
