//! Certificates and keys of one control plane, made anew for each.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};

/// Names and addresses the API server is reached by, the first service address of the cluster among them.
const SERVER_NAMES: [&str; 7] = [
    "127.0.0.1",
    "localhost",
    "10.96.0.1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// The common name under which requests may be forwarded.
pub(super) const FRONT_NAME: &str = "front-proxy-client";

/// A certificate and its key, as files in PEM.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// All the files of one control plane.
#[derive(Debug)]
pub(super) struct Pki {
    pub(super) authority: Identity,
    pub(super) server: Identity,
    /// In `system:masters`: may do everything.
    pub(super) admin: Identity,
    pub(super) controller_manager: Identity,
    /// Vouches for the API server where it forwards requests; other than `authority`, or every client could forward.
    pub(super) front_authority: Identity,
    /// The API server where it forwards requests to extension servers.
    pub(super) front: Identity,
    /// Signs the tokens of service accounts; here `certificate` is the public key.
    pub(super) service_accounts: Identity,
}

impl Pki {
    /// Makes all of it in `directory`, which must be private: the keys are not encrypted.
    pub(super) fn create(directory: &Path) -> Result<Self> {
        let (authority, issuer) = new_authority(directory, "ca")?;
        let (front_authority, front_issuer) = new_authority(directory, "front-ca")?;
        let service_accounts = KeyPair::generate().context("generate the key of service accounts")?;
        Ok(Self {
            server: server(directory, &issuer)?,
            admin: client(
                directory,
                &issuer,
                "admin",
                subject("attune-e2e-admin", Some("system:masters")),
            )?,
            controller_manager: client(
                directory,
                &issuer,
                "controller-manager",
                subject("system:kube-controller-manager", None),
            )?,
            service_accounts: write(
                directory,
                "service-accounts",
                &service_accounts.public_key_pem(),
                &service_accounts,
            )?,
            front: client(directory, &front_issuer, "front", subject(FRONT_NAME, None))?,
            authority,
            front_authority,
        })
    }
}

fn new_authority(directory: &Path, file: &str) -> Result<(Identity, Issuer<'static, KeyPair>)> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(&format!("attune-e2e-{file}"), None);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().with_context(|| format!("generate the key of `{file}`"))?;
    let certificate = params
        .self_signed(&key)
        .with_context(|| format!("sign the certificate of `{file}`"))?;
    let identity = write(directory, file, &certificate.pem(), &key)?;
    Ok((identity, Issuer::new(params, key)))
}

fn server(directory: &Path, issuer: &Issuer<'_, KeyPair>) -> Result<Identity> {
    let mut params = CertificateParams::new(SERVER_NAMES.map(str::to_owned))
        .context("name the API server's certificate")?;
    params.distinguished_name = subject("kube-apiserver", None);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    sign(directory, issuer, "apiserver", &params)
}

fn client(
    directory: &Path,
    issuer: &Issuer<'_, KeyPair>,
    file: &str,
    subject: DistinguishedName,
) -> Result<Identity> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    sign(directory, issuer, file, &params)
}

fn sign(
    directory: &Path,
    issuer: &Issuer<'_, KeyPair>,
    file: &str,
    params: &CertificateParams,
) -> Result<Identity> {
    let key = KeyPair::generate().with_context(|| format!("generate the key of `{file}`"))?;
    let certificate = params
        .clone()
        .signed_by(&key, issuer)
        .with_context(|| format!("sign the certificate of `{file}`"))?;
    write(directory, file, &certificate.pem(), &key)
}

/// Kubernetes reads the user's name from the common name and a group from the organisation.
fn subject(user: &str, group: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, user);
    if let Some(group) = group {
        name.push(DnType::OrganizationName, group);
    }
    name
}

fn write(directory: &Path, file: &str, certificate: &str, key: &KeyPair) -> Result<Identity> {
    let identity = Identity {
        certificate: directory.join(format!("{file}.crt")),
        key: directory.join(format!("{file}.key")),
    };
    for (path, pem) in [
        (&identity.certificate, certificate),
        (&identity.key, &key.serialize_pem()),
    ] {
        fs::write(path, pem).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(identity)
}
