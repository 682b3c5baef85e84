//! One exchange with a receiver: send, or ask.
//!
//! Redirects are followed by hand: each hop is judged as the first url was, and credentials go to the receiver that the
//! Channel names and to nobody else.

use std::sync::Arc;
use std::time::Duration;

use attune_api::conditions::Reason;
use attune_api::delivery::{PushDelivery, RuleFormat};
use attune_compile::Publication;
use attune_compile::formats::{Written, write};
use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};

use super::Key;
use super::answer::{Named, named, whole};
use super::credentials::{Credentials, ReadSecret};
use super::egress::{Egress, host};
use super::endpoint::{Look, Receipt};
use super::line::{End, Lines, Tls};
use super::oauth::Tokens;
use super::resolve::Lookup;
use super::signature::sign;
use super::trouble::Trouble;

/// How often a receiver may redirect.
const MAX_HOPS: usize = 3;

/// Where a receiver names its revision, unless the Channel says otherwise.
const REVISION_POINTER: &str = "/revision";

/// Who is called.
const RECEIVER: &str = "the receiver";

/// What is to be exchanged.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) key: Key,
    pub(super) push: Arc<PushDelivery>,
    pub(super) publication: Publication,
    /// Name of the message: the same each time that it is sent.
    pub(super) id: String,
    pub(super) timeout: Duration,
}

/// Takes orders out.
pub struct Courier {
    secrets: ReadSecret,
    lines: Lines,
    tokens: Tokens,
}

impl Courier {
    /// One that reads Secrets by `secrets`, asks `lookup` for addresses and goes where `egress` lets it.
    pub fn new(secrets: ReadSecret, egress: Egress, lookup: Lookup) -> Self {
        Self {
            secrets,
            lines: Lines::new(Arc::new(egress), lookup),
            tokens: Tokens::default(),
        }
    }

    /// Drops what is kept for Channels that are gone.
    pub(super) fn retain(&self, is_there: impl Fn(&Key) -> bool) {
        self.tokens.retain(is_there);
    }

    /// Sends what is published.
    pub(super) async fn send(&self, order: &Order) -> Result<Receipt, Trouble> {
        let format = order.push.format.unwrap_or(RuleFormat::Attune);
        let written = write(&order.publication, format).map_err(|refusals| Trouble::format(&refusals))?;
        let left_out = written.refusals.len();
        let answer = self.within(order, self.exchange(order, Some(&written))).await?;
        let revision = match named(&answer.body, REVISION_POINTER) {
            Named::Nothing | Named::None => None,
            Named::Revision(revision) => Some(revision),
        };
        Ok(Receipt {
            status: answer.status,
            revision,
            left_out,
        })
    }

    /// Asks which revision the receiver has.
    pub(super) async fn look(&self, order: &Order) -> Result<Look, Trouble> {
        let answer = self.within(order, self.exchange(order, None)).await?;
        let status = answer.status;
        let pointer = pointer(&order.push);
        match named(&answer.body, pointer) {
            Named::Revision(revision) => Ok(Look {
                status,
                revision: Some(revision),
            }),
            Named::None => Ok(Look {
                status,
                revision: None,
            }),
            Named::Nothing => Err(Trouble {
                status: Some(status),
                ..Trouble::new(
                    Reason::Refused,
                    format!("the receiver names no revision at `{pointer}`"),
                )
            }),
        }
    }

    async fn within(
        &self,
        order: &Order,
        exchange: impl Future<Output = Result<Answer, Trouble>>,
    ) -> Result<Answer, Trouble> {
        match tokio::time::timeout(order.timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Trouble::late(order.timeout)),
        }
    }

    async fn exchange(&self, order: &Order, written: Option<&Written>) -> Result<Answer, Trouble> {
        let (namespace, _) = &order.key;
        let credentials = Credentials::read(&self.secrets, namespace, &order.push).await?;
        let message = Message::new(order, written, &credentials)?;
        let mut response = self.call(order, &message, &credentials).await?;
        if response.status() == StatusCode::UNAUTHORIZED && credentials.oauth.is_some() {
            // It may have been taken back before its end.
            self.tokens.forget(&order.key);
            response = self.call(order, &message, &credentials).await?;
        }
        let status = response.status();
        if !status.is_success() {
            return Err(Trouble::answered(
                RECEIVER,
                status,
                response.headers(),
                Timestamp::now(),
            ));
        }
        let body = whole(RECEIVER, response).await?;
        Ok(Answer {
            status: status.as_u16(),
            body,
        })
    }

    /// Calls, and follows where that is safe.
    async fn call(
        &self,
        order: &Order,
        message: &Message,
        credentials: &Credentials,
    ) -> Result<Response, Trouble> {
        let authorization = match &credentials.oauth {
            None => credentials.authorization.clone(),
            Some(client) => {
                let tls = &credentials.tls;
                Some(self.tokens.header(&self.lines, &order.key, client, tls).await?)
            }
        };
        let first_host = host(&message.url);
        let http = self.lines.client(End::Receiver, &credentials.tls, &first_host)?;
        let mut url = message.url.clone();
        for _ in 0..=MAX_HOPS {
            let egress = self.lines.egress();
            egress.check(&url).map_err(|denied| Trouble::denied(&denied))?;
            let (called, name) = named_as(&url, &first_host, &credentials.tls)?;
            let mut request = http
                .request(message.method.clone(), called)
                .headers(message.headers.clone())
                .body(message.body.clone());
            if let Some(name) = name {
                request = request.header(HOST, name);
            }
            if let Some(authorization) = &authorization {
                request = request.header(AUTHORIZATION, authorization.clone());
            }
            let response = request.send().await;
            let response = response.map_err(|error| Trouble::failed(RECEIVER, &error))?;
            if !response.status().is_redirection() || response.status() == StatusCode::NOT_MODIFIED {
                return Ok(response);
            }
            url = moved(&message.method, &url, &response, credentials)?;
        }
        Err(Trouble::new(
            Reason::Refused,
            "the receiver redirects again and again",
        ))
    }
}

/// An answer that took it.
struct Answer {
    status: u16,
    body: Vec<u8>,
}

/// What is sent.
struct Message {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl Message {
    fn new(order: &Order, written: Option<&Written>, credentials: &Credentials) -> Result<Self, Trouble> {
        let push = &order.push;
        let verify = push.verify.as_ref().and_then(|verify| verify.url.as_ref());
        let (method, url, body) = match written {
            Some(written) => (
                Method::POST,
                &push.url,
                Bytes::from_owner(Arc::clone(&written.bytes)),
            ),
            None => (Method::GET, verify.unwrap_or(&push.url), Bytes::new()),
        };
        let url = url
            .parse()
            .map_err(|_| Trouble::new(Reason::EgressDenied, "the url cannot be read: mend it"))?;
        let now = Timestamp::now();
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, text: &str| {
            let value = HeaderValue::from_str(text);
            headers.extend(value.map(|value| (HeaderName::from_static(name), value)));
        };
        let (namespace, channel) = &order.key;
        put("attune-channel", &format!("{namespace}/{channel}"));
        put("attune-revision", &order.publication.revision);
        put("webhook-id", &order.id);
        put("webhook-timestamp", &now.as_second().to_string());
        let signature = credentials
            .signing
            .as_ref()
            .and_then(|key| sign(key, &order.id, now, &body));
        if let Some(signature) = signature {
            put("webhook-signature", &signature);
        }
        put("accept", "application/json");
        if let Some(written) = written {
            put("idempotency-key", &order.id);
            put(
                "attune-format",
                push.format.unwrap_or(RuleFormat::Attune).as_str(),
            );
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(written.media_type));
        }
        Ok(Self {
            method,
            url,
            headers,
            body,
        })
    }
}

fn pointer(push: &PushDelivery) -> &str {
    let verify = push.verify.as_ref();
    verify
        .and_then(|verify| verify.revision_pointer.as_deref())
        .unwrap_or(REVISION_POINTER)
}

/// The url to call and the `Host` to say, where another name is expected in the certificate: the connection is made for
/// that name, and its addresses are those of the url's own host.
fn named_as(url: &Url, first_host: &str, tls: &Tls) -> Result<(Url, Option<String>), Trouble> {
    let name = tls.server_name.as_ref();
    let Some(name) = name.filter(|_| url.scheme() == "https" && host(url) == first_host) else {
        return Ok((url.clone(), None));
    };
    let refused = || {
        let message =
            format!("`tls.serverName` `{name}` is no DNS name: name one that the certificate is for");
        Trouble::new(Reason::Refused, message)
    };
    let mut called = url.clone();
    called.set_host(Some(name)).map_err(|_| refused())?;
    if called.domain().is_none() {
        return Err(refused());
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let said = format!("{}{port}", url.host_str().unwrap_or_default());
    Ok((called, Some(said)))
}

/// Where a redirect leads, if it may be followed.
fn moved(
    method: &Method,
    from: &Url,
    response: &Response,
    credentials: &Credentials,
) -> Result<Url, Trouble> {
    let status = response.status();
    let refused = |message: String| Trouble {
        status: Some(status.as_u16()),
        ..Trouble::new(Reason::Refused, message)
    };
    // The others let a POST become a GET, which carries nothing.
    let keeps_method = matches!(
        status,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
    );
    let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
    let to = location.and_then(|to| from.join(to).ok());
    let Some(to) = to.filter(|_| keeps_method || *method == Method::GET) else {
        let code = status.as_u16();
        return Err(refused(format!(
            "the receiver answers {code} and cannot be followed: name where it is now as the url"
        )));
    };
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(refused("the receiver redirects to a url without TLS".to_owned()));
    }
    if credentials.are_personal() && from.origin() != to.origin() {
        return Err(refused(format!(
            "the receiver redirects to `{}`, which is not given its credentials: name that as the url",
            host(&to)
        )));
    }
    Ok(to)
}
