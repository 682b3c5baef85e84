//! Where deciders keep together what units were shown and did.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::delivery::SecretRef;
use crate::number::Whole;

/// Where deciders keep together what units were shown and did, so that caps, gaps, stops and `history` mean the same to all
/// of them. Channels of a namespace that name the same place agree with each other too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct State {
    /// A Redis or Valkey server.
    pub redis: RedisState,
}

/// A Redis or Valkey server that deciders share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RedisState {
    /// Secret with the `url` (`rediss://user:password@host:6379/0`), where needed the authority to trust (`ca.crt`, PEM), and
    /// the `key` that unit ids are hashed with. It is mounted beside the deciders and followed; nobody else reads it.
    pub secret_ref: SecretRef,
    /// What is decided while the server does not answer; absent: `Open`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// How long a decision waits for the server in all, in milliseconds; absent: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_milliseconds: Option<Whole<1, 1000>>,
}

impl RedisState {
    /// How long a decision waits where the channel does not say, in milliseconds.
    pub const DEFAULT_TIMEOUT: u32 = 20;

    /// What is decided while the server does not answer.
    pub fn on_failure(&self) -> OnFailure {
        self.on_failure.unwrap_or(OnFailure::Open)
    }

    /// How long a decision waits for the server, in milliseconds.
    pub fn timeout_millis(&self) -> u32 {
        self.timeout_milliseconds
            .map_or(Self::DEFAULT_TIMEOUT, Whole::get_u32)
    }
}

/// What is decided while what units were shown and did cannot be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OnFailure {
    /// By what each decider remembers itself: caps may be exceeded by what others show.
    Open,
    /// Nothing that has a cap, a gap or a stop, and nobody matches a rule about `history`: no cap is exceeded.
    Closed,
}
