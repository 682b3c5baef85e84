//! Where a shared memory is and what opens it: a mounted Secret, followed.

use std::io;
use std::path::Path;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use redis::RedisConnectionInfo;
use reqwest::Url;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::names::Names;
use crate::clock::Clock;
use crate::file::Watched;
use crate::link::{Roots, TrustError};

/// Largest file, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// Port where the URL names none.
const PORT: u16 = 6379;

/// The directory that holds `url`, and may hold `ca.crt` and `key`.
pub(super) struct Folder {
    url: Follow,
    authority: Follow,
    key: Follow,
    /// Some of them hold something else than what the last place was made of.
    is_news: bool,
    namespace: String,
    clock: Clock,
}

/// A file and what it held, which nothing prints.
struct Follow {
    file: Watched,
    content: Option<Vec<u8>>,
}

/// A server, and how names are hashed there.
#[derive(Clone)]
pub(super) struct Place {
    pub host: String,
    pub port: u16,
    /// Whom to trust, and by which name.
    pub tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub settings: RedisConnectionInfo,
    pub names: Arc<Names>,
    /// Whether unit ids are hashed with a key that nobody else has.
    pub is_keyed: bool,
}

/// Why there is no place. No text of the Secret is in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlaceError {
    #[error("cannot read `url`, the address of the server; waiting for the file")]
    ReadUrl(#[source] io::Error),
    #[error("cannot read `{0}`; waiting for the file")]
    ReadFile(&'static str, #[source] io::Error),
    #[error("`url` is no address; write it like `rediss://user:password@host:6379/0`")]
    ParseUrl,
    #[error("`url` is over TLS and `ca.crt` is missing; put the authority to trust there")]
    FindAuthority,
    #[error("`ca.crt` is of no use; waiting for another")]
    Trust(#[source] TrustError),
}

impl PlaceError {
    /// Whether nobody says any more whom to trust, so that the place before is none either.
    pub(super) const fn is_distrust(&self) -> bool {
        matches!(self, Self::FindAuthority)
    }
}

impl Folder {
    pub(super) fn new(directory: &Path, namespace: &str, clock: Clock) -> Self {
        let follow = |name: &str| Follow {
            file: Watched::new(&directory.join(name), MAX_BYTES),
            content: None,
        };
        Self {
            url: follow("url"),
            authority: follow("ca.crt"),
            key: follow("key"),
            is_news: false,
            namespace: namespace.to_owned(),
            clock,
        }
    }

    /// The place if it is another than last time, or is looked at for the first time.
    pub(super) fn look(&mut self) -> Result<Option<Place>, PlaceError> {
        let url = self.url.look().map_err(PlaceError::ReadUrl)?;
        self.is_news |= url;
        let authority = self.authority.look_if_there();
        self.is_news |= authority.map_err(|error| PlaceError::ReadFile("ca.crt", error))?;
        let key = self.key.look_if_there();
        self.is_news |= key.map_err(|error| PlaceError::ReadFile("key", error))?;
        if !self.is_news {
            return Ok(None);
        }
        let place = self.place()?;
        self.is_news = false;
        Ok(Some(place))
    }

    fn place(&self) -> Result<Place, PlaceError> {
        let url = self.url.content.as_deref().unwrap_or_default();
        let url = std::str::from_utf8(url).map_err(|_| PlaceError::ParseUrl)?;
        let url: Url = url.trim().parse().map_err(|_| PlaceError::ParseUrl)?;
        let is_tls = match url.scheme() {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(PlaceError::ParseUrl),
        };
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or(PlaceError::ParseUrl)?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let tls = if is_tls { Some(self.trust(&host)?) } else { None };
        let key = self.key.content.as_deref().unwrap_or_default().trim_ascii();
        Ok(Place {
            port: url.port().unwrap_or(PORT),
            tls,
            settings: settings(&url)?,
            names: Arc::new(Names::new(&self.namespace, key)),
            is_keyed: !key.is_empty(),
            host,
        })
    }

    fn trust(&self, host: &str) -> Result<(Arc<ClientConfig>, ServerName<'static>), PlaceError> {
        let pem = self
            .authority
            .content
            .as_deref()
            .ok_or(PlaceError::FindAuthority)?;
        let roots = Roots::parse(pem).map_err(PlaceError::Trust)?;
        let config = roots.config(&self.clock).map_err(PlaceError::Trust)?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| PlaceError::ParseUrl)?;
        Ok((Arc::new(config), name))
    }
}

/// Who asks, and for which database.
fn settings(url: &Url) -> Result<RedisConnectionInfo, PlaceError> {
    let decode = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| PlaceError::ParseUrl)
    };
    let mut settings = RedisConnectionInfo::default().set_skip_set_lib_name();
    if !url.username().is_empty() {
        settings = settings.set_username(decode(url.username())?);
    }
    if let Some(password) = url.password() {
        settings = settings.set_password(decode(password)?);
    }
    match url.path().trim_matches('/') {
        "" => Ok(settings),
        database => {
            let database = database.parse().map_err(|_| PlaceError::ParseUrl)?;
            Ok(settings.set_db(database))
        }
    }
}

impl Follow {
    /// Whether it holds something else than before.
    fn look(&mut self) -> io::Result<bool> {
        match self.file.look()? {
            None => Ok(false),
            Some(content) => {
                self.content = Some(content);
                Ok(true)
            }
        }
    }

    /// The same for a file that need not be there: one that is gone holds nothing.
    fn look_if_there(&mut self) -> io::Result<bool> {
        match self.look() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(self.content.take().is_some()),
            looked => looked,
        }
    }
}
