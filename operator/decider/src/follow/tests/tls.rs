//! Following over TLS: whom to trust and how to prove who asks change while it asks.

use std::path::PathBuf;

use super::operator::Operator;
use super::{Following, config, eventually, version};
use crate::fixture::{Authority, Mount};
use crate::follow::Config;
use crate::link::Credentials;
use crate::metrics::Poll;

fn config_with(operator: &Operator, ca_file: PathBuf, token_file: Option<PathBuf>) -> Config {
    let mut config = config(operator, None);
    config.credentials = Credentials {
        ca_file: Some(ca_file),
        token_file,
        ..Credentials::default()
    };
    config
}

#[tokio::test]
async fn follows_a_rotation_of_cas_without_a_restart() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let certificate = old.certificate();
    let operator = Operator::start_tls(certificate.clone());
    let first = operator.publish(version(1));
    let mount = Mount::new();
    // It starts before there is anybody to trust.
    let following = Following::by(config_with(&operator, mount.path("ca.crt"), None)).await;
    let failed = || following.decider.metrics().rules.polls.get(Poll::Failed);
    eventually("failures", || failed() > 2).await;
    assert_eq!(operator.questions().len(), 0);
    mount.put("ca.crt", old.pem().as_bytes());
    following.runs(&first).await;

    let both = format!("{}{}", old.pem(), new.pem());
    mount.put("ca.crt", both.as_bytes());
    new.sign_for(&certificate);
    let second = operator.publish(version(2));
    following.runs(&second).await;

    mount.put("ca.crt", new.pem().as_bytes());
    let third = operator.publish(version(3));
    following.runs(&third).await;

    // The old one is not trusted any more: once the question under way has ended, no other gets through.
    let before = failed();
    old.sign_for(&certificate);
    eventually("a refusal", || failed() > before).await;
    operator.publish(version(4));
    eventually("more refusals", || failed() > before + 3).await;
    assert_eq!(following.decider.revision().as_deref(), Some(third.as_str()));

    // A file that goes, or holds no CA, changes nothing.
    new.sign_for(&certificate);
    mount.put(
        "ca.crt",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let fifth = operator.publish(version(5));
    following.runs(&fifth).await;
    mount.clear();
    let sixth = operator.publish(version(6));
    following.runs(&sixth).await;
    following.end().await;
}

#[tokio::test]
async fn sends_the_token_that_the_file_holds_at_the_time() {
    let authority = Authority::new("ca");
    let operator = Operator::start_tls(authority.certificate());
    operator.take_only("one");
    let first = operator.publish(version(1));
    let (cas, tokens) = (Mount::new(), Mount::new());
    cas.put("ca.crt", authority.pem().as_bytes());
    let config = config_with(&operator, cas.path("ca.crt"), Some(tokens.path("token")));
    let following = Following::by(config).await;
    let polls = |poll| following.decider.metrics().rules.polls.get(poll);
    eventually("failures", || polls(Poll::Failed) > 2).await;
    assert_eq!(operator.questions().len(), 0, "nobody asks without a token");
    tokens.put("token", b"one\n");
    following.runs(&first).await;

    operator.take_only("two");
    let second = operator.publish(version(2));
    eventually("refusals", || polls(Poll::Denied) > 2).await;
    assert_eq!(following.decider.revision().as_deref(), Some(first.as_str()));
    tokens.put("token", b"two");
    following.runs(&second).await;
    let last = operator.questions().pop().unwrap();
    assert_eq!(last.authorization, "Bearer two");
    following.end().await;
}
