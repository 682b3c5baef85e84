//! How the objects of a Channel are called.

use attune_api::delivery::ServiceDelivery;
use sha2::{Digest, Sha256};

/// The longest name of a Service and the longest value of a label.
const MAX_LENGTH: usize = 63;
/// The longest name of a `CronJob`: eleven characters are its Jobs'.
const MAX_CRON_LENGTH: usize = 52;

/// Name of all objects that stand for a Channel with delivery `service`: `attune-<channel>`.
///
/// A Service's name is one label of a host name: where the Channel's is too long for that or has dots, a hash of it takes
/// the place of what does not fit.
pub fn object_name(channel: &str) -> String {
    let name = format!("attune-{channel}");
    if name.len() <= MAX_LENGTH && !name.contains('.') {
        return name;
    }
    shortened(&name.replace('.', "-"), channel)
}

/// Name of the `CronJob` of a Channel with delivery `batch`; its Jobs are called after it and a number.
pub fn batch_name(channel: &str) -> String {
    let name = format!("attune-{channel}");
    if name.len() <= MAX_CRON_LENGTH {
        return name;
    }
    shortened_to(MAX_CRON_LENGTH, &name, channel)
}

/// A Channel's name as the value of a label, by which its deciders are found: itself, unless it is too long for that.
pub fn label_value(channel: &str) -> String {
    if channel.len() <= MAX_LENGTH {
        return channel.to_owned();
    }
    shortened(channel, channel)
}

/// Where clients of a Channel with delivery `service` ask.
pub fn endpoint(namespace: &str, channel: &str, service: &ServiceDelivery) -> String {
    let scheme = if service.is_tls() { "https" } else { "http" };
    format!("{scheme}://{}.{namespace}.svc", object_name(channel))
}

/// As much of a name as fits before a hash of the whole.
fn shortened(name: &str, whole: &str) -> String {
    shortened_to(MAX_LENGTH, name, whole)
}

fn shortened_to(length: usize, name: &str, whole: &str) -> String {
    let digest = Sha256::digest(whole.as_bytes());
    let [first, second, third, fourth, ..] = digest.0;
    let hash = format!("{:08x}", u32::from_be_bytes([first, second, third, fourth]));
    let room = length - 1 - hash.len();
    let kept: String = name.chars().take(room).collect();
    format!("{}-{hash}", kept.trim_end_matches(['-', '.']))
}
