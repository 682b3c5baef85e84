//! Who asked to write what: the API server's audit log of our group.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The log of every answered request that could write an object of our group, or of the kinds that an operator writes
/// beside it. A server-side apply that changes nothing is in it too, though no watch ever shows it.
/// So are the requests of Kubernetes' own controllers, which empty namespaces: look at the user.
#[derive(Debug)]
pub struct AuditLog {
    path: PathBuf,
}

/// A place in the log; what is after it came later.
#[derive(Clone, Copy, Debug)]
pub struct AuditMark(u64);

/// One answered write request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteRequest {
    /// `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// Who asked, or was impersonated.
    pub user: String,
    /// With which program.
    pub user_agent: String,
    /// The API group; empty for the core's.
    pub group: String,
    /// The plural, with the subresource if there was one: `channels/status`.
    pub resource: String,
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    /// Empty for a creation with a generated name.
    pub name: String,
    /// The HTTP status of the answer.
    pub code: u16,
}

impl AuditLog {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The end of the log now.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn mark(&self) -> Result<AuditMark> {
        match std::fs::metadata(&self.path) {
            Ok(metadata) => Ok(AuditMark(metadata.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(AuditMark(0)),
            Err(error) => Err(error).with_context(|| format!("look at {}", self.path.display())),
        }
    }

    /// All requests for our group answered since `mark`, in order.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn since(&self, mark: AuditMark) -> Result<Vec<WriteRequest>> {
        let mut requests = self.of_all_groups_since(mark)?;
        requests.retain(|request| request.group == crate::GROUP);
        Ok(requests)
    }

    /// All requests for whatever an operator writes answered since `mark`, in order: our group, and ConfigMaps, Secrets,
    /// Events, Leases, workloads and webhook configurations.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn of_all_groups_since(&self, mark: AuditMark) -> Result<Vec<WriteRequest>> {
        let mut text = String::new();
        match File::open(&self.path) {
            Ok(mut file) => {
                file.seek(SeekFrom::Start(mark.0))
                    .context("find the mark in the audit log")?;
                file.read_to_string(&mut text).context("read the audit log")?;
            }
            // It is created with its first entry.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("open {}", self.path.display())),
        }
        parse(&text)
    }
}

fn parse(text: &str) -> Result<Vec<WriteRequest>> {
    // The last line may be half written.
    let complete = text
        .rfind('\n')
        .and_then(|end| text.get(..end))
        .unwrap_or_default();
    complete
        .lines()
        .map(|line| {
            Ok(serde_json::from_str::<Event>(line)
                .context("parse an audit event")?
                .into())
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    verb: String,
    user: User,
    #[serde(default)]
    impersonated_user: Option<User>,
    #[serde(default)]
    user_agent: String,
    object_ref: ObjectRef,
    response_status: ResponseStatus,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectRef {
    #[serde(default)]
    api_group: String,
    resource: String,
    #[serde(default)]
    subresource: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct ResponseStatus {
    code: u16,
}

impl From<Event> for WriteRequest {
    fn from(event: Event) -> Self {
        let object = event.object_ref;
        let resource = match object.subresource.as_str() {
            "" => object.resource,
            subresource => format!("{}/{subresource}", object.resource),
        };
        Self {
            verb: event.verb,
            user: event.impersonated_user.unwrap_or(event.user).username,
            user_agent: event.user_agent,
            group: object.api_group,
            resource,
            namespace: object.namespace,
            name: object.name,
            code: event.response_status.code,
        }
    }
}
