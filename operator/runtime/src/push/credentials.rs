//! Credentials of a delivery, from Secrets of the Channel's namespace.
//!
//! They are read for each exchange, so that one that was changed counts from the next attempt on, and are written nowhere: not in
//! status, not in logs, not in an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_api::conditions::Reason;
use attune_api::delivery::{OAuth2, PushAuth, PushDelivery, PushTls, SecretKeyRef};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use reqwest::header::HeaderValue;

use super::line::Tls;
use super::trouble::Trouble;

/// What a Secret holds.
pub type SecretData = BTreeMap<String, Vec<u8>>;

/// Reads the Secret of a namespace and name; `None` where there is none.
pub type ReadSecret =
    Arc<dyn Fn(String, String) -> BoxFuture<'static, Result<Option<SecretData>, SecretError>> + Send + Sync>;

/// Why a Secret was not read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The API server does not let the operator.
    #[error("the operator may not read it")]
    Forbidden,
    /// It did not answer.
    #[error("it cannot be read now")]
    Unanswered,
}

/// The key that messages are signed with.
const WEBHOOK_PREFIX: &str = "whsec_";

/// Credentials of one exchange.
#[derive(Default)]
pub(super) struct Credentials {
    /// The key that the message is signed with.
    pub(super) signing: Option<Vec<u8>>,
    /// What goes into `Authorization`, where no token is fetched for it.
    pub(super) authorization: Option<HeaderValue>,
    /// What a token is fetched with.
    pub(super) oauth: Option<Client>,
    /// Certificates of both sides.
    pub(super) tls: Tls,
}

/// An OAuth 2 client.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) token_url: String,
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) scopes: Vec<String>,
}

impl Credentials {
    /// Reads what a delivery names.
    pub(super) async fn read(
        secrets: &ReadSecret,
        namespace: &str,
        push: &PushDelivery,
    ) -> Result<Self, Trouble> {
        let mut reader = Reader {
            secrets,
            namespace,
            read: BTreeMap::new(),
        };
        let mut credentials = Self::default();
        if let Some(auth) = &push.auth {
            credentials.read_auth(&mut reader, auth).await?;
        }
        if let Some(tls) = &push.tls {
            credentials.tls = read_tls(&mut reader, tls).await?;
        }
        Ok(credentials)
    }

    /// Whether they are for the receiver alone, and may not be shown where it redirects to.
    pub(super) fn are_personal(&self) -> bool {
        self.authorization.is_some() || self.oauth.is_some() || self.tls.identity.is_some()
    }

    async fn read_auth(&mut self, reader: &mut Reader<'_>, auth: &PushAuth) -> Result<(), Trouble> {
        if let Some(reference) = &auth.signature {
            let text = reader.text_at(reference).await?;
            self.signing = Some(signing_key(reference, &text)?);
        }
        if let Some(reference) = &auth.bearer {
            let token = reader.text_at(reference).await?;
            let secret = reference.name.as_str();
            self.authorization = Some(sensitive(secret, &format!("Bearer {token}"))?);
        }
        if let Some(reference) = &auth.basic {
            let secret = reference.name.as_str();
            let user = reader.text(secret, "username").await?;
            let password = reader.text(secret, "password").await?;
            self.authorization = Some(sensitive(secret, &basic(&user, &password))?);
        }
        if let Some(oauth) = &auth.oauth2 {
            self.oauth = Some(read_client(reader, oauth).await?);
        }
        Ok(())
    }
}

/// `Authorization` with a user and a password.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// A header that is never shown.
pub(super) fn sensitive(secret: &str, text: &str) -> Result<HeaderValue, Trouble> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Trouble::secret(secret, "holds what cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn signing_key(reference: &SecretKeyRef, text: &str) -> Result<Vec<u8>, Trouble> {
    let (secret, key) = (reference.name.as_str(), &reference.key);
    match text.strip_prefix(WEBHOOK_PREFIX) {
        // With an empty key anybody could sign.
        Some(encoded) => STANDARD
            .decode(encoded)
            .ok()
            .filter(|key| !key.is_empty())
            .ok_or_else(|| {
                Trouble::secret(
                    secret,
                    &format!("has no base64 after `{WEBHOOK_PREFIX}` under `{key}`"),
                )
            }),
        None => Ok(text.as_bytes().to_vec()),
    }
}

async fn read_client(reader: &mut Reader<'_>, oauth: &OAuth2) -> Result<Client, Trouble> {
    let secret = oauth.secret_ref.name.as_str();
    Ok(Client {
        token_url: oauth.token_url.clone(),
        id: reader.text(secret, "client_id").await?,
        secret: reader.text(secret, "client_secret").await?,
        scopes: oauth.scopes.clone(),
    })
}

async fn read_tls(reader: &mut Reader<'_>, tls: &PushTls) -> Result<Tls, Trouble> {
    let mut found = Tls {
        server_name: tls.server_name.clone(),
        ..Tls::default()
    };
    if let Some(reference) = &tls.ca_ref {
        let pem = reader.bytes(reference.name.as_str(), &reference.key).await?;
        found.authorities = Some((reference.name.as_str().to_owned(), pem));
    }
    if let Some(reference) = &tls.client_certificate_ref {
        let secret = reference.name.as_str();
        let mut pem = reader.bytes(secret, "tls.crt").await?;
        pem.push(b'\n');
        pem.extend(reader.bytes(secret, "tls.key").await?);
        found.identity = Some((secret.to_owned(), pem));
    }
    Ok(found)
}

/// Reads each Secret once.
struct Reader<'r> {
    secrets: &'r ReadSecret,
    namespace: &'r str,
    read: BTreeMap<String, SecretData>,
}

impl Reader<'_> {
    async fn bytes(&mut self, secret: &str, key: &str) -> Result<Vec<u8>, Trouble> {
        if !self.read.contains_key(secret) {
            let data = (self.secrets)(self.namespace.to_owned(), secret.to_owned()).await;
            let data = data.map_err(|error| unread(secret, &error))?;
            let data = data.ok_or_else(|| Trouble::secret(secret, "does not exist: create it"))?;
            self.read.insert(secret.to_owned(), data);
        }
        let bytes = self.read.get(secret).and_then(|data| data.get(key));
        let bytes = bytes.filter(|bytes| !bytes.trim_ascii().is_empty());
        bytes
            .cloned()
            .ok_or_else(|| Trouble::secret(secret, &format!("has nothing under `{key}`: add it")))
    }

    /// Text without the line end that editors leave.
    async fn text(&mut self, secret: &str, key: &str) -> Result<String, Trouble> {
        let bytes = self.bytes(secret, key).await?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Trouble::secret(secret, &format!("has no text under `{key}`")))?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    async fn text_at(&mut self, reference: &SecretKeyRef) -> Result<String, Trouble> {
        self.text(reference.name.as_str(), &reference.key).await
    }
}

fn unread(secret: &str, error: &SecretError) -> Trouble {
    match error {
        SecretError::Forbidden => Trouble::secret(
            secret,
            "may not be read by the operator: name it in the chart's `rbac.pushSecrets`",
        ),
        SecretError::Unanswered => Trouble::new(
            Reason::SyncPending,
            format!("Secret `{secret}` cannot be read now: it is tried again"),
        ),
    }
}
