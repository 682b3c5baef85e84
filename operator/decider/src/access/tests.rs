use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

use super::*;
use crate::fixture::Mount;

fn origin(text: &'static str) -> HeaderValue {
    HeaderValue::from_static(text)
}

fn headers(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_str(value).unwrap());
    headers
}

#[test]
fn reads_origins_as_browsers_spell_them() {
    for (text, shown) in [
        ("", ""),
        ("*", "*"),
        ("https://shop.example", "https://shop.example"),
        (
            "https://Shop.Example:443/, http://localhost:3000",
            "https://shop.example,http://localhost:3000",
        ),
    ] {
        assert_eq!(text.parse::<Origins>().unwrap().to_string(), shown, "{text}");
    }
    for text in [
        "shop.example",
        "https://shop.example/path",
        "ftp://shop.example",
        "https://*.example/?",
        "https://me@shop.example",
    ] {
        let error = text.parse::<Origins>().unwrap_err().to_string();
        assert!(error.contains("list origins like"), "{error}");
    }
}

#[test]
fn allows_listed_origins_only() {
    let listed: Origins = "https://shop.example,https://app.example".parse().unwrap();
    assert_eq!(
        listed.allow(&origin("https://app.example")),
        Some(origin("https://app.example"))
    );
    for other in [
        "https://evil.example",
        "https://shop.example.evil.example",
        "http://shop.example",
        "null",
    ] {
        assert_eq!(listed.allow(&origin(other)), None, "{other}");
    }
    assert_eq!(Origins::Own.allow(&origin("https://shop.example")), None);
    assert_eq!(
        Origins::Any.allow(&origin("https://shop.example")),
        Some(origin("*"))
    );
}

#[test]
fn lets_in_whoever_shows_a_key() {
    let keys = Keys::parse("# of the web team\n first-key \n\nsecond-key\n").unwrap();
    for (name, value, admitted) in [
        ("authorization", "Bearer first-key", true),
        ("authorization", "bearer second-key", true),
        ("x-api-key", "second-key", true),
        ("authorization", "Basic first-key", false),
        ("authorization", "Bearer", false),
        ("authorization", "Bearer first", false),
        ("authorization", "Bearer # of the web team", false),
        ("x-api-key", "", false),
    ] {
        assert_eq!(keys.admit(&headers(name, value)), admitted, "{name}: {value}");
    }
    assert!(!keys.admit(&HeaderMap::new()));
    let token = keys.stream_token(&headers("x-api-key", "first-key")).unwrap();
    assert!(keys.admit_token(&token) && !token.contains("first-key"));
    assert!(!keys.admit_token("first-key") && !keys.admit_token(""));
    let nothing = Keys::parse("# nothing\n").unwrap();
    assert!(!nothing.admit(&headers("x-api-key", "# nothing")));
    assert!(Keys::parse("a key with spaces").is_none());
    assert!(
        !Keys::none().admit(&headers("x-api-key", "")),
        "no key opens nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn keeps_to_the_keys_of_a_mounted_secret_as_they_change() {
    let mount = Mount::new();
    let path = mount.path("keys");
    let keys = Keys::none();
    let followed = keys.clone();
    let task = tokio::spawn({
        let path = path.clone();
        async move { followed.follow(&path).await }
    });
    let pass = || tokio::time::sleep(Duration::from_millis(1500));
    pass().await;
    assert!(!keys.admit(&headers("x-api-key", "old")), "there is no file yet");
    mount.put("keys", b"old");
    pass().await;
    assert!(keys.admit(&headers("x-api-key", "old")));
    mount.put("keys", b"old\nnew");
    pass().await;
    assert!(keys.admit(&headers("x-api-key", "new")) && keys.admit(&headers("x-api-key", "old")));
    mount.put("keys", b"new");
    pass().await;
    assert!(!keys.admit(&headers("x-api-key", "old")), "withdrawn");
    // What is garbled or cannot be read leaves the keys as they are.
    mount.put("keys", b"two words");
    pass().await;
    assert!(keys.admit(&headers("x-api-key", "new")));
    mount.put("keys", &vec![b'x'; 100_000]);
    pass().await;
    assert!(keys.admit(&headers("x-api-key", "new")));
    // Who takes every key out, or the file away, lets nobody in.
    for none in [b"".as_slice(), b"# withdrawn\n"] {
        mount.put("keys", none);
        pass().await;
        assert!(!keys.admit(&headers("x-api-key", "new")));
        mount.put("keys", b"new");
        pass().await;
        assert!(keys.admit(&headers("x-api-key", "new")));
    }
    mount.clear();
    pass().await;
    assert!(!keys.admit(&headers("x-api-key", "new")));
    task.abort();
}
