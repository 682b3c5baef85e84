//! What stands in the Secret, and what is to be done about it now.
//!
//! A new authority is trusted before it signs, and an old one while anything that it signed may be out: so that nobody is
//! ever shown a certificate that they do not trust.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::authority::{AuthorityError, Identity, authority, is_for, server, still_valid, validity};
use super::{NEXT_CERTIFICATE, NEXT_KEY, SIGNER_CERTIFICATE, SIGNER_KEY, TLS_CERTIFICATE, TLS_KEY, TRUSTED};

/// How long certificates live.
#[derive(Debug, Clone, Copy)]
pub struct Lives {
    /// An authority.
    pub authority: SignedDuration,
    /// What is served.
    pub server: SignedDuration,
}

impl Lives {
    /// How long a new authority is trusted before it signs: time enough for the news to reach every pod's volume.
    fn spreading(self) -> SignedDuration {
        (self.authority / 12).min(SignedDuration::from_hours(24))
    }
}

/// What stands in a Secret, by key.
pub type Data = BTreeMap<String, String>;

/// What is served, and by whom it may be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Signs now.
    signer: Identity,
    /// Will sign.
    next: Option<Identity>,
    /// Authorities that are trusted, as PEM texts.
    trusted: Vec<String>,
    /// What is served.
    server: Identity,
}

impl Chain {
    /// What should stand now, from what does. The same as what does, unless something is due, missing, unreadable, or
    /// for other names.
    ///
    /// # Errors
    /// When a key cannot be made.
    pub fn advance(
        standing: &Data,
        names: &[String],
        lives: Lives,
        now: Timestamp,
    ) -> Result<Self, AuthorityError> {
        let mut trusted = still_valid(standing.get(TRUSTED).map_or("", String::as_str), now);
        let usable = |identity: &Identity| holds(identity, now);
        let mut next = identity(standing, NEXT_CERTIFICATE, NEXT_KEY).filter(usable);
        let mut signer = match identity(standing, SIGNER_CERTIFICATE, SIGNER_KEY).filter(usable) {
            Some(signer) => signer,
            // Nobody can have been told of a new one: whoever is about to sign does it now.
            None => match next.take() {
                Some(next) => next,
                None => authority(now, lives.authority)?,
            },
        };
        if let Some(ready) = next.take_if(|next| is_spread(next, lives, now)) {
            signer = ready;
        } else if next.is_none() && validity(&signer.certificate)?.is_due(now) {
            next = Some(authority(now, lives.authority)?);
        }
        for trustee in [Some(&signer), next.as_ref()].into_iter().flatten() {
            if !trusted.contains(&trustee.certificate) {
                trusted.push(trustee.certificate.clone());
            }
        }
        let server = current_server(standing, names, &signer, now)
            .map_or_else(|| server(&signer, names, now, lives.server), Ok)?;
        Ok(Self {
            signer,
            next,
            trusted,
            server,
        })
    }

    /// Everybody who is trusted, as PEM.
    pub fn trusted(&self) -> String {
        self.trusted.concat()
    }

    /// As it stands in the Secret.
    pub fn data(&self) -> Data {
        let mut data = vec![
            (TRUSTED, self.trusted()),
            (SIGNER_CERTIFICATE, self.signer.certificate.clone()),
            (SIGNER_KEY, self.signer.key.clone()),
            (TLS_CERTIFICATE, self.server.certificate.clone()),
            (TLS_KEY, self.server.key.clone()),
        ];
        if let Some(next) = &self.next {
            data.push((NEXT_CERTIFICATE, next.certificate.clone()));
            data.push((NEXT_KEY, next.key.clone()));
        }
        owned(data)
    }

    /// What should stand in the Secret of another server of ours, from what does: the same trust, and a certificate of
    /// its own.
    ///
    /// # Errors
    /// When a key cannot be made.
    pub fn of_another(
        &self,
        standing: &Data,
        names: &[String],
        lives: Lives,
        now: Timestamp,
    ) -> Result<Data, AuthorityError> {
        let server = current_server(standing, names, &self.signer, now)
            .map_or_else(|| server(&self.signer, names, now, lives.server), Ok)?;
        Ok(owned(vec![
            (TRUSTED, self.trusted()),
            (TLS_CERTIFICATE, server.certificate),
            (TLS_KEY, server.key),
        ]))
    }
}

/// What is served now, unless it is due, unreadable, for other names or of another signer.
fn current_server(standing: &Data, names: &[String], signer: &Identity, now: Timestamp) -> Option<Identity> {
    identity(standing, TLS_CERTIFICATE, TLS_KEY).filter(|server| {
        is_for(&server.certificate, names, &signer.certificate)
            && rcgen::KeyPair::from_pem(&server.key).is_ok()
            && validity(&server.certificate).is_ok_and(|validity| !validity.is_due(now))
    })
}

fn identity(standing: &Data, certificate: &str, key: &str) -> Option<Identity> {
    Some(Identity {
        certificate: standing.get(certificate)?.clone(),
        key: standing.get(key)?.clone(),
    })
}

fn holds(identity: &Identity, now: Timestamp) -> bool {
    rcgen::KeyPair::from_pem(&identity.key).is_ok()
        && validity(&identity.certificate).is_ok_and(|validity| validity.until > now)
}

/// Whether an authority has been trusted for long enough to sign.
fn is_spread(next: &Identity, lives: Lives, now: Timestamp) -> bool {
    validity(&next.certificate).is_ok_and(|validity| {
        // It holds from a while before it was made; its end tells when that was.
        let made = validity.until.saturating_sub(lives.authority);
        made.is_ok_and(|made| now.duration_since(made) >= lives.spreading())
    })
}

fn owned(data: Vec<(&str, String)>) -> Data {
    data.into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests;
