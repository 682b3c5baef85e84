//! Keys and certificates, made and read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use x509_parser::pem::Pem;
use x509_parser::prelude::GeneralName;

/// A certificate and its key, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key is nobody's business.
        f.debug_struct("Identity")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// From when until when a certificate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First instant.
    pub from: Timestamp,
    /// Last instant.
    pub until: Timestamp,
}

impl Validity {
    /// Whether two thirds of its life are over.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let life = self.until.duration_since(self.from);
        now > self.from.saturating_add(life * 2 / 3).unwrap_or(self.until)
    }
}

/// Why a certificate could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// It could not be made.
    #[error("a certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    /// It cannot be read.
    #[error("a certificate cannot be read: {why}")]
    Read {
        /// Why.
        why: String,
    },
}

/// Makes a certificate authority that lives for `life`.
///
/// # Errors
/// When the key cannot be made.
pub fn authority(now: Timestamp, life: SignedDuration) -> Result<Identity, AuthorityError> {
    let mut params = CertificateParams::default();
    // Of its own name each: verifiers look issuers up by name first.
    params
        .distinguished_name
        .push(DnType::CommonName, format!("attune-ca-{}", now.as_millisecond()));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_life(&mut params, now, life);
    let key = KeyPair::generate()?;
    Ok(Identity {
        certificate: params.self_signed(&key)?.pem(),
        key: key.serialize_pem(),
    })
}

/// Makes a server's certificate for `names`, signed by `signer`, that lives for `life` but not longer than its signer.
///
/// # Errors
/// When the signer cannot be read or a name is no DNS name.
pub fn server(
    signer: &Identity,
    names: &[String],
    now: Timestamp,
    life: SignedDuration,
) -> Result<Identity, AuthorityError> {
    let issuer = Issuer::from_ca_cert_pem(&signer.certificate, KeyPair::from_pem(&signer.key)?)?;
    let mut params = CertificateParams::new(names)?;
    let common = names.first().map_or("attune", String::as_str);
    // A common name holds 64 characters at most; verifiers read the alternative names only.
    params
        .distinguished_name
        .push(DnType::CommonName, common.chars().take(64).collect::<String>());
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let left = validity(&signer.certificate)?.until.duration_since(now);
    set_life(&mut params, now, life.min(left));
    let key = KeyPair::generate()?;
    Ok(Identity {
        certificate: params.signed_by(&key, &issuer)?.pem(),
        key: key.serialize_pem(),
    })
}

/// From when until when the first certificate of a PEM text holds.
///
/// # Errors
/// When there is none.
pub fn validity(pem: &str) -> Result<Validity, AuthorityError> {
    let pem = parse(pem)?;
    let certificate = pem.parse_x509().map_err(unreadable)?;
    let instant =
        |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).map_err(unreadable);
    Ok(Validity {
        from: instant(certificate.validity().not_before)?,
        until: instant(certificate.validity().not_after)?,
    })
}

/// Whether a server's certificate is for exactly these names and was signed by this authority.
pub fn is_for(pem: &str, names: &[String], signer: &str) -> bool {
    let (Ok(pem), Ok(signer)) = (parse(pem), parse(signer)) else {
        return false;
    };
    let (Ok(certificate), Ok(signer)) = (pem.parse_x509(), signer.parse_x509()) else {
        return false;
    };
    let Ok(Some(alternative)) = certificate.subject_alternative_name() else {
        return false;
    };
    let of_name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => (*name).to_owned(),
        other => other.to_string(),
    };
    let mut found: Vec<_> = alternative.value.general_names.iter().map(of_name).collect();
    let mut wanted = names.to_vec();
    found.sort();
    wanted.sort();
    found == wanted && certificate.issuer() == signer.subject()
}

/// The certificates of a PEM text that still hold, each once, in their order.
pub fn still_valid(pem: &str, now: Timestamp) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for block in blocks(pem) {
        let holds = validity(&block).is_ok_and(|validity| validity.until > now);
        if holds && !kept.contains(&block) {
            kept.push(block);
        }
    }
    kept
}

/// The blocks of a PEM text, from their first line to their last.
fn blocks(pem: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block = String::new();
    for line in pem.lines() {
        if line.starts_with("-----BEGIN ") {
            block.clear();
        }
        block.push_str(line);
        block.push('\n');
        if line.starts_with("-----END ") {
            blocks.push(std::mem::take(&mut block));
        }
    }
    blocks
}

fn parse(pem: &str) -> Result<Pem, AuthorityError> {
    let first = Pem::iter_from_buffer(pem.as_bytes()).next();
    first
        .ok_or_else(|| unreadable("there is none"))?
        .map_err(unreadable)
}

fn unreadable(why: impl std::fmt::Display) -> AuthorityError {
    AuthorityError::Read { why: why.to_string() }
}

/// Clocks differ: a certificate holds from a while before it was made, at most an hour and a tenth of its life.
fn set_life(params: &mut CertificateParams, now: Timestamp, life: SignedDuration) {
    let early = (life / 10).min(SignedDuration::from_hours(1));
    params.not_before = system_time(now.saturating_sub(early).unwrap_or(now)).into();
    params.not_after = system_time(now.saturating_add(life).unwrap_or(Timestamp::MAX)).into();
}

fn system_time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0))
}
