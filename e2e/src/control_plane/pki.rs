//! Certificates and keys of one control plane, made anew for each.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};

use super::place::Place;

/// Names the API server is reached by, beside its addresses.
const SERVER_NAMES: [&str; 5] = [
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// What the one node is called.
pub(crate) const NODE_NAME: &str = "node";

/// The group whose members may do everything.
pub(super) const ADMINISTRATORS: &str = "system:masters";

/// The common name under which requests may be forwarded.
pub(super) const FRONT_NAME: &str = "front-proxy-client";

/// A certificate and its key, as files in PEM.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
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
    /// What a node needs, where there is one.
    pub(super) node: Option<NodePki>,
}

/// What a node needs beside the control plane.
#[derive(Debug)]
pub(crate) struct NodePki {
    /// Signed all of these, and the clients that the kubelet believes.
    pub(crate) authority: Identity,
    pub(crate) kubelet: Identity,
    /// The kubelet where others ask it, for logs and to run commands.
    pub(crate) kubelet_server: Identity,
    pub(crate) kube_proxy: Identity,
    pub(crate) scheduler: Identity,
    /// The API server where it asks kubelets.
    pub(crate) to_kubelets: Identity,
}

impl Pki {
    /// Makes all of it in `directory`, which must be private: the keys are not encrypted.
    pub(super) fn create(directory: &Path, place: &Place) -> Result<Self> {
        let (authority, issuer) = new_authority(directory, "ca")?;
        let (front_authority, front_issuer) = new_authority(directory, "front-ca")?;
        let service_accounts = KeyPair::generate().context("generate the key of service accounts")?;
        let node = place
            .has_node
            .then(|| NodePki::create(directory, &issuer, &authority, place));
        let names = [place.address, place.first_service].map(|address| address.to_string());
        let names = names.iter().map(String::as_str).chain(SERVER_NAMES);
        Ok(Self {
            server: server(
                directory,
                &issuer,
                "apiserver",
                subject("kube-apiserver", None),
                names,
            )?,
            admin: client(
                directory,
                &issuer,
                "admin",
                subject("attune-e2e-admin", Some(ADMINISTRATORS)),
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
            node: node.transpose()?,
            authority,
            front_authority,
        })
    }
}

impl NodePki {
    fn create(
        directory: &Path,
        issuer: &Issuer<'_, KeyPair>,
        authority: &Identity,
        place: &Place,
    ) -> Result<Self> {
        let client = |file, user: &str, group| client(directory, issuer, file, subject(user, group));
        let user = format!("system:node:{NODE_NAME}");
        let names = [place.address.to_string()];
        let names = names.iter().map(String::as_str).chain([NODE_NAME]);
        Ok(Self {
            authority: authority.clone(),
            kubelet: client("kubelet", &user, Some("system:nodes"))?,
            kubelet_server: server(
                directory,
                issuer,
                "kubelet-server",
                subject(&user, Some("system:nodes")),
                names,
            )?,
            kube_proxy: client("kube-proxy", "system:kube-proxy", None)?,
            scheduler: client("kube-scheduler", "system:kube-scheduler", None)?,
            to_kubelets: client("to-kubelets", "attune-e2e-api-server", Some(ADMINISTRATORS))?,
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

fn server<'a>(
    directory: &Path,
    issuer: &Issuer<'_, KeyPair>,
    file: &str,
    subject: DistinguishedName,
    names: impl Iterator<Item = &'a str>,
) -> Result<Identity> {
    let names: Vec<String> = names.map(str::to_owned).collect();
    let mut params =
        CertificateParams::new(names).with_context(|| format!("name the certificate of `{file}`"))?;
    params.distinguished_name = subject;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    sign(directory, issuer, file, &params)
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
