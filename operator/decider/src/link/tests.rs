use std::time::Duration;

use reqwest::{Method, Url};

use super::{Credentials, Link};
use crate::clock::Clock;
use crate::fixture::{Authority, Mount};

fn link(base: &str, ca: Option<&Mount>, token: Option<&Mount>) -> Link {
    let credentials = Credentials {
        ca_file: ca.map(|mount| mount.path("ca.crt")),
        token_file: token.map(|mount| mount.path("token")),
        clock: Clock::system(),
    };
    Link::new(&credentials, &url(base), Duration::from_secs(5))
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

/// The token that a request to the peer carries.
fn sent(base: &str, token: &Mount) -> Option<String> {
    let cas = Mount::new();
    cas.put("ca.crt", Authority::new("ca").pem().as_bytes());
    let mut link = link(base, Some(&cas), Some(token));
    let request = link.request(Method::GET, &url(base)).unwrap().build().unwrap();
    let header = request.headers().get("authorization")?;
    assert!(header.is_sensitive(), "it is not printed");
    Some(header.to_str().unwrap().to_owned())
}

#[test]
fn never_sends_a_token_where_others_can_read_it() {
    let token = Mount::new();
    token.put("token", b" secret\n");
    for base in [
        "https://attune-operator.attune.svc",
        "http://127.0.0.1:1",
        "http://[::1]:1/",
    ] {
        assert_eq!(sent(base, &token).as_deref(), Some("Bearer secret"), "{base}");
    }
    for base in ["http://attune-operator.attune.svc", "http://10.0.0.1:8080"] {
        assert_eq!(sent(base, &token), None, "{base}");
    }
}

#[test]
fn names_the_file_that_it_waits_for() {
    let (cas, tokens) = (Mount::new(), Mount::new());
    let mut link = link("https://a", Some(&cas), Some(&tokens));
    let mut error = || {
        link.request(Method::GET, &url("https://a"))
            .unwrap_err()
            .to_string()
    };
    let (ca, token) = (cas.path("ca.crt"), tokens.path("token"));
    assert_eq!(
        error(),
        format!("cannot read the CAs in `{}`; waiting for the file", ca.display())
    );
    for useless in [
        &b""[..],
        b"no PEM",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        cas.put("ca.crt", useless);
        for _ in 0..2 {
            assert!(error().starts_with("the CAs in "), "{useless:?}");
        }
    }
    cas.put("ca.crt", Authority::new("ca").pem().as_bytes());
    assert!(error().starts_with(&format!("cannot read the token in `{}`", token.display())));
    for useless in [&b"\n"[..], b"two\nlines", b"\xff"] {
        tokens.put("token", useless);
        for _ in 0..2 {
            assert!(error().contains("holds no bearer token"), "{useless:?}");
        }
    }
}

#[tokio::test]
async fn checks_certificates_by_the_clock_that_decides() {
    let authority = Authority::new("ca");
    let cas = Mount::new();
    cas.put("ca.crt", authority.pem().as_bytes());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    let app = axum::Router::new().route("/", axum::routing::get(async || "ok"));
    let server = axum_server::from_tcp_rustls(listener, authority.certificate()).unwrap();
    tokio::spawn(server.serve(app.into_make_service()));
    // The certificate is valid from an hour ago for a year.
    for (hours, is_valid) in [(0, true), (-2, false), (24 * 400, false)] {
        let credentials = Credentials {
            ca_file: Some(cas.path("ca.crt")),
            token_file: None,
            clock: Clock::off_by(jiff::SignedDuration::from_hours(hours)),
        };
        let mut link = Link::new(&credentials, &url(&base), Duration::from_secs(5));
        let answer = link.request(Method::GET, &url(&base)).unwrap().send().await;
        assert_eq!(answer.is_ok(), is_valid, "{hours} h: {answer:?}");
    }
}
