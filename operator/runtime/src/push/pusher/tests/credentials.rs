//! Receivers that want to know who sends, and senders that want to know who receives.

use jiff::SignedDuration;

use super::*;
use crate::certificates::authority::{Identity, authority, server};

fn ca() -> Identity {
    authority(Timestamp::now(), SignedDuration::from_hours(24)).unwrap()
}

fn certificate(ca: &Identity, name: &str) -> Identity {
    server(
        ca,
        &[name.to_owned()],
        Timestamp::now(),
        SignedDuration::from_hours(12),
    )
    .unwrap()
}

#[tokio::test]
async fn a_token_that_is_missing_wrong_or_changed_counts_from_the_next_attempt_on() {
    let (server, post) = (Server::plain().await, Post::new());
    server.does("/rules", Does::Asks("Bearer right"));
    let auth = json!({"auth": {"bearer": {"name": "token", "key": "value"}}});
    post.web(&server.url("/rules"), auth, "one");
    let stands = post.says(Reason::SecretMissing).await;
    assert_eq!(stands.message, "Secret `token` does not exist: create it");
    post.secret("token", &[("other", "x")]);
    until("it says what it lacks", || {
        post.stands("web").message == "Secret `token` has nothing under `value`: add it"
    })
    .await;
    assert_eq!(server.sent("/rules").len(), 0, "nothing is sent without it");
    post.secret("token", &[("value", "wrong")]);
    let stands = post.says(Reason::Refused).await;
    assert_eq!(stands.message, "the receiver answers 401");
    assert!(!format!("{stands:?}").contains("wrong"));
    post.secret("token", &[("value", "right\n")]);
    post.says(Reason::Synced).await;
}

#[tokio::test]
async fn nothing_is_signed_with_an_empty_key() {
    let (server, post) = (Server::plain().await, Post::new());
    post.secret("signing", &[("key", "whsec_")]);
    let signing = json!({"auth": {"signature": {"name": "signing", "key": "key"}}});
    post.web(&server.url("/rules"), signing, "one");
    let stands = post.says(Reason::SecretMissing).await;
    assert_eq!(
        stands.message,
        "Secret `signing` has no base64 after `whsec_` under `key`"
    );
    assert_eq!(server.sent("/rules").len(), 0);
}

#[tokio::test]
async fn a_user_and_a_password_are_shown() {
    let (server, post) = (Server::plain().await, Post::new());
    server.does("/rules", Does::Asks("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    post.secret("login", &[("username", "Aladdin"), ("password", "open sesame")]);
    post.web(
        &server.url("/rules"),
        json!({"auth": {"basic": {"name": "login"}}}),
        "one",
    );
    post.says(Reason::Synced).await;
}

#[tokio::test]
async fn a_token_is_fetched_kept_and_fetched_anew_where_it_is_refused() {
    let (server, post) = (Server::plain().await, Post::new());
    server.does("/rules", Does::Asks("Bearer first"));
    server.issues(&["first", "second"]);
    post.secret("client", &[("client_id", "attune"), ("client_secret", "s:ecret")]);
    let auth = json!({"auth": {"oauth2": {
        "tokenUrl": server.url("/token"), "secretRef": {"name": "client"}, "scopes": ["rules:write", "x"],
    }}});
    post.web(&server.url("/rules"), auth.clone(), "one");
    post.says(Reason::Synced).await;
    let second = post.web(&server.url("/rules"), auth.clone(), "two");
    until("the second arrives", || {
        server.revision("/rules") == Some(second.clone())
    })
    .await;
    let issued = server.sent("/token");
    assert_eq!(issued.len(), 1, "it is kept");
    assert_eq!(
        issued[0].body,
        "grant_type=client_credentials&scope=rules%3Awrite+x"
    );
    // attune:s%3Aecret
    assert_eq!(
        issued[0].header("authorization"),
        "Basic YXR0dW5lOnMlM0FlY3JldA=="
    );
    server.does("/rules", Does::Asks("Bearer second"));
    let third = post.web(&server.url("/rules"), auth, "three");
    until("the third arrives", || {
        server.revision("/rules") == Some(third.clone())
    })
    .await;
    post.says(Reason::Synced).await;
    assert_eq!(server.sent("/token").len(), 2, "it was taken back before its end");
}

#[tokio::test]
async fn nobody_is_shown_credentials_by_a_redirect() {
    let (server, post) = (Server::plain().await, Post::new());
    server.does(
        "/rules",
        Does::Moves(307, format!("http://elsewhere.example:{}/other", server.port)),
    );
    post.secret("token", &[("value", "right")]);
    let auth = json!({"auth": {"bearer": {"name": "token", "key": "value"}}});
    post.web(&server.url("/rules"), auth, "one");
    let stands = post.says(Reason::Refused).await;
    assert!(
        stands
            .message
            .contains("`elsewhere.example`, which is not given its credentials"),
        "{}",
        stands.message
    );
    assert_eq!(server.sent("/other").len(), 0);
}

#[tokio::test]
async fn a_receiver_is_trusted_by_the_authorities_that_the_channel_names() {
    let (first, second) = (ca(), ca());
    let mut server = Server::with_tls(&certificate(&first, "hooks.example"), None);
    let post = Post::new();
    post.secret("ca", &[("ca.crt", &first.certificate)]);
    let url = format!("https://hooks.example:{}/rules", server.port);
    let tls = json!({"tls": {"caRef": {"name": "ca", "key": "ca.crt"}}});
    post.web(&url, tls.clone(), "one");
    post.says(Reason::Synced).await;
    // It changes its certificate to one that nobody here trusts yet.
    server.certify(&certificate(&second, "hooks.example")).await;
    let revision = post.web(&url, tls, "two");
    let stands = post.says(Reason::ReceiverUnreachable).await;
    assert!(stands.message.contains("certificate"), "{}", stands.message);
    assert_eq!(server.sent("/rules").len(), 1, "nothing is said to a stranger");
    post.secret("ca", &[("ca.crt", &second.certificate)]);
    post.says(Reason::Synced).await;
    assert_eq!(server.revision("/rules"), Some(revision));
}

#[tokio::test]
async fn a_stranger_is_not_trusted_without_a_word() {
    let server = Server::with_tls(&certificate(&ca(), "hooks.example"), None);
    let post = Post::new();
    post.web(
        &format!("https://hooks.example:{}/rules", server.port),
        json!({}),
        "one",
    );
    post.says(Reason::ReceiverUnreachable).await;
    post.secret("ca", &[("ca.crt", "no certificate")]);
    let tls = json!({"tls": {"caRef": {"name": "ca", "key": "ca.crt"}}});
    post.web(
        &format!("https://hooks.example:{}/rules", server.port),
        tls,
        "one",
    );
    post.says(Reason::SecretMissing).await;
}

#[tokio::test]
async fn another_name_is_expected_where_the_channel_says_so() {
    let ca = ca();
    let server = Server::with_tls(&certificate(&ca, "inside.example"), None);
    let post = Post::new();
    post.secret("ca", &[("ca.crt", &ca.certificate)]);
    let url = format!("https://127.0.0.1:{}/rules", server.port);
    let tls = |name: &str| json!({"tls": {"caRef": {"name": "ca", "key": "ca.crt"}, "serverName": name}});
    post.web(&url, tls("inside.example"), "one");
    post.says(Reason::Synced).await;
    let sent = server.sent("/rules");
    assert_eq!(sent[0].header("host"), format!("127.0.0.1:{}", server.port));
    post.web(&url, tls("outside.example"), "two");
    post.says(Reason::ReceiverUnreachable).await;
    // An address would be connected to as it stands.
    post.web(&url, tls("10.0.0.1"), "three");
    post.says(Reason::Refused).await;
}

#[tokio::test]
async fn a_certificate_of_our_own_is_shown() {
    let ca = ca();
    let server = Server::with_tls(&certificate(&ca, "hooks.example"), Some(&ca));
    let post = Post::new();
    post.secret("ca", &[("ca.crt", &ca.certificate)]);
    let url = format!("https://hooks.example:{}/rules", server.port);
    post.web(
        &url,
        json!({"tls": {"caRef": {"name": "ca", "key": "ca.crt"}}}),
        "one",
    );
    post.says(Reason::ReceiverUnreachable).await;
    let own = client_certificate(&ca);
    post.secret("own", &[("tls.crt", &own.certificate), ("tls.key", &own.key)]);
    let tls = json!({"tls": {
        "caRef": {"name": "ca", "key": "ca.crt"}, "clientCertificateRef": {"name": "own"},
    }});
    post.web(&url, tls, "one");
    post.says(Reason::Synced).await;
}

fn client_certificate(ca: &Identity) -> Identity {
    let issuer =
        rcgen::Issuer::from_ca_cert_pem(&ca.certificate, rcgen::KeyPair::from_pem(&ca.key).unwrap()).unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["attune.example".to_owned()]).unwrap();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let key = rcgen::KeyPair::generate().unwrap();
    Identity {
        certificate: params.signed_by(&key, &issuer).unwrap().pem(),
        key: key.serialize_pem(),
    }
}
