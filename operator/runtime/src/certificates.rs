//! The certificates of what we serve, kept by ourselves: who signs, who is trusted, and when that changes.
//!
//! - [`authority`]: keys and certificates, made and read.
//! - [`chain`]: what stands in the Secret and what is to be done about it now; pure but for the making of keys.
//! - [`keeper`]: the leader keeps Secrets and webhook configurations so.
//! - [`reader`]: every replica serves by what stands in the Secret.

pub mod authority;
pub mod chain;
pub mod keeper;
pub mod reader;

/// Keys of the Secret beside those that Kubernetes names (`tls.crt`, `tls.key`, `ca.crt`): who signs now.
const SIGNER_CERTIFICATE: &str = "signer.crt";
/// The signer's key.
const SIGNER_KEY: &str = "signer.key";
/// Who will sign once everybody trusts it.
const NEXT_CERTIFICATE: &str = "next.crt";
/// Its key.
const NEXT_KEY: &str = "next.key";
/// What is served.
const TLS_CERTIFICATE: &str = "tls.crt";
/// The key of what is served.
const TLS_KEY: &str = "tls.key";
/// Everybody who is trusted.
const TRUSTED: &str = "ca.crt";
