//! Tokens by client credentials (RFC 6749, section 4.4), kept until they end.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use attune_api::conditions::Reason;
use form_urlencoded::{Serializer, byte_serialize};
use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use tokio::time::Instant;

use super::Key;
use super::answer::whole;
use super::credentials::{Client, basic, sensitive};
use super::line::{End, Lines, Tls};
use super::trouble::Trouble;

/// How long a token is used whose end nobody says.
const UNSAID: Duration = Duration::from_mins(5);

/// How long before its end a token is no longer used.
const MARGIN: Duration = Duration::from_secs(30);

/// Tokens of Channels.
#[derive(Default)]
pub(super) struct Tokens(Mutex<BTreeMap<Key, Token>>);

#[derive(Clone)]
struct Token {
    client: Client,
    header: HeaderValue,
    until: Instant,
}

/// What the issuer answers.
#[derive(Deserialize)]
struct Issued {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl Tokens {
    /// `Authorization` for a Channel's receiver: a token that is kept, or a new one.
    pub(super) async fn header(
        &self,
        lines: &Lines,
        key: &Key,
        client: &Client,
        tls: &Tls,
    ) -> Result<HeaderValue, Trouble> {
        let known = self.lock().get(key).cloned();
        let holds = |token: &Token| token.client == *client && token.until > Instant::now();
        if let Some(token) = known.filter(holds) {
            return Ok(token.header);
        }
        let issued = issue(lines, client, tls).await?;
        let header = sensitive(&client.id, &format!("Bearer {}", issued.access_token))
            .map_err(|_| Trouble::new(Reason::Refused, "the issued token cannot stand in a header"))?;
        let life = issued.expires_in.map_or(UNSAID, Duration::from_secs);
        // Of a token that hardly lives, half is used.
        let life = life.checked_sub(MARGIN).unwrap_or(life / 2).max(life / 2);
        let token = Token {
            client: client.clone(),
            header: header.clone(),
            until: Instant::now() + life.min(Duration::from_hours(24)),
        };
        self.lock().insert(key.clone(), token);
        Ok(header)
    }

    /// Lets the next exchange fetch a token anew: the receiver does not take this one.
    pub(super) fn forget(&self, key: &Key) {
        self.lock().remove(key);
    }

    /// Drops the tokens of Channels that are gone.
    pub(super) fn retain(&self, is_there: impl Fn(&Key) -> bool) {
        self.lock().retain(|key, _| is_there(key));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Token>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// It is not the receiver's answer, and the receiver got nothing.
fn not_the_receivers(trouble: Trouble) -> Trouble {
    Trouble {
        status: None,
        may_have_arrived: false,
        ..trouble
    }
}

async fn issue(lines: &Lines, client: &Client, tls: &Tls) -> Result<Issued, Trouble> {
    const WHOM: &str = "the token endpoint";
    let url: Url = client
        .token_url
        .parse()
        .map_err(|_| Trouble::new(Reason::EgressDenied, "`auth.oauth2.tokenUrl` is no url"))?;
    lines
        .egress()
        .check(&url)
        .map_err(|denied| Trouble::denied(&denied))?;
    let http = lines.client(End::Issuer, tls, "")?;
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let authorization = sensitive(&client.id, &basic(&encoded(&client.id), &encoded(&client.secret)))?;
    let response = http
        .post(url)
        .header(AUTHORIZATION, authorization)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .body(form(client))
        .send()
        .await;
    let response = response.map_err(|error| not_the_receivers(Trouble::failed(WHOM, &error)))?;
    let status = response.status();
    if !status.is_success() {
        let trouble = Trouble::answered(WHOM, status, response.headers(), Timestamp::now());
        return Err(not_the_receivers(trouble));
    }
    let body = whole(WHOM, response).await.map_err(not_the_receivers)?;
    serde_json::from_slice(&body).map_err(|_| {
        Trouble::new(
            Reason::Refused,
            "the token endpoint answers without an `access_token`",
        )
    })
}

fn form(client: &Client) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    if !client.scopes.is_empty() {
        form.append_pair("scope", &client.scopes.join(" "));
    }
    form.finish()
}
