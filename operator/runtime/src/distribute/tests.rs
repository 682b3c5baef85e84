use axum::body::{Body, to_bytes};
use axum::http::Request;
use tower::ServiceExt;

use super::*;
use crate::fixture::publication;

fn shelf() -> Arc<Shelf> {
    Arc::new(Shelf::new(Arc::new(Metrics::new())))
}

async fn ask(shelf: &Arc<Shelf>, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let routes = router(Arc::clone(shelf), Arc::new(Gate::Open));
    let routes = routes.merge(probes(Readiness::new(Arc::clone(shelf), None)));
    let response = routes.oneshot(request.body(Body::empty()).unwrap());
    let response = response.await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, headers, body.to_vec())
}

#[tokio::test]
async fn nothing_is_known_to_be_missing_before_everything_was_listed() {
    let shelf = shelf();
    let (status, ..) = ask(&shelf, "/v1/bundles/shop/web", &[]).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        ask(&shelf, "/readyz", &[]).await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    shelf.set_ready();
    let (status, _, body) = ask(&shelf, "/v1/bundles/shop/web", &[]).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(
        String::from_utf8(body).unwrap().contains("`shop/web`"),
        "the channel is named"
    );
    assert_eq!(ask(&shelf, "/readyz", &[]).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_bundle_comes_with_its_revision_and_is_not_sent_twice() {
    let (shelf, bundle) = (shelf(), publication("shop", "web", "hero"));
    shelf.put("shop", "web", Some(&bundle));
    let (status, headers, body) = ask(&shelf, "/v1/bundles/shop/web", &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body, bundle.canonical.to_vec());
    let tag = headers[ETAG].to_str().unwrap();
    assert_eq!(tag, format!("\"{}\"", bundle.revision));
    let (status, headers, body) = ask(&shelf, "/v1/bundles/shop/web", &[("if-none-match", tag)]).await;
    assert_eq!(status, StatusCode::NOT_MODIFIED);
    assert_eq!(headers[ETAG].to_str().unwrap(), tag);
    assert!(body.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_poll_waits_for_news_and_no_longer_than_it_said() {
    let (shelf, old) = (shelf(), publication("shop", "web", "hero"));
    shelf.put("shop", "web", Some(&old));
    let tag = format!("\"{}\"", old.revision);
    let headers = [("if-none-match", tag.as_str())];
    let began = tokio::time::Instant::now();
    let (status, ..) = ask(&shelf, "/v1/bundles/shop/web?wait=30s", &headers).await;
    assert_eq!(status, StatusCode::NOT_MODIFIED);
    assert_eq!(began.elapsed(), Duration::from_secs(30));
    let (status, ..) = ask(&shelf, "/v1/bundles/shop/web?wait=3600s", &headers).await;
    assert_eq!(status, StatusCode::NOT_MODIFIED);
    assert_eq!(began.elapsed(), Duration::from_secs(30) + MAX_WAIT);

    let new = publication("shop", "web", "footer");
    let began = tokio::time::Instant::now();
    let publish = async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        shelf.put("shop", "web", Some(&old));
        tokio::time::sleep(Duration::from_secs(1)).await;
        shelf.put("shop", "web", Some(&new));
    };
    let path = "/v1/bundles/shop/web?wait=30s";
    let ((status, _, body), ()) = tokio::join!(ask(&shelf, path, &headers), publish);
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body, new.canonical.to_vec());
    assert_eq!(began.elapsed(), Duration::from_secs(8));
}

#[tokio::test]
async fn a_wait_that_is_no_time_is_refused() {
    let shelf = shelf();
    for wait in ["soon", "30", "-1s", "1.5s", "99999999999999999999s"] {
        let (status, headers, body) = ask(&shelf, &format!("/v1/bundles/shop/web?wait={wait}"), &[]).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wait}");
        assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
        assert!(String::from_utf8(body).unwrap().contains(wait));
    }
}

#[tokio::test]
async fn deciders_are_counted_by_what_they_say_about_the_revision_that_is_out() {
    let (shelf, bundle) = (shelf(), publication("shop", "web", "hero"));
    shelf.put("shop", "web", Some(&bundle));
    let tag = format!("\"{}\"", bundle.revision);
    let path = "/v1/bundles/shop/web?decider=";
    ask(&shelf, &format!("{path}one"), &[("if-none-match", &tag)]).await;
    ask(&shelf, &format!("{path}two"), &[("if-none-match", "\"old\"")]).await;
    let refusal = [("attune-refused", "old"), ("attune-refused-reason", "too new")];
    ask(
        &shelf,
        "/v1/bundles/shop/web",
        &[("attune-decider", "three"), refusal[0], refusal[1]],
    )
    .await;
    ask(&shelf, "/v1/bundles/shop/web", &[]).await;
    ask(&shelf, "/v1/bundles/shop/nowhere?decider=four", &[]).await;
    let report = || {
        shelf
            .deciders
            .report(|namespace, channel| shelf.revision(namespace, channel))
    };
    let reports = report();
    assert_eq!(reports.len(), 1, "{reports:?}");
    let web = &reports[&("shop".to_owned(), "web".to_owned())];
    assert_eq!(
        (web.current, web.stale, &web.refused),
        (1, 1, &None),
        "another revision was refused"
    );
    assert!(web.without.contains("three"), "it runs none");

    let refused = [("attune-refused", bundle.revision.as_str()), refusal[1]];
    ask(&shelf, &format!("{path}three"), &refused).await;
    let reports = report();
    let web = &reports[&("shop".to_owned(), "web".to_owned())];
    assert_eq!(web.refused, Some(format!("{}: too new", bundle.revision)));
}

#[tokio::test]
async fn past_revisions_can_be_had_again() {
    let (shelf, old, new) = (
        shelf(),
        publication("shop", "web", "hero"),
        publication("shop", "web", "other"),
    );
    shelf.put("shop", "web", Some(&old));
    shelf.put("shop", "web", Some(&new));
    for bundle in [&old, &new] {
        let path = format!("/v1/bundles/shop/web/revisions/{}", bundle.revision);
        let (status, _, body) = ask(&shelf, &path, &[]).await;
        assert_eq!((status, body), (StatusCode::OK, bundle.canonical.to_vec()));
    }
    let (status, _, body) = ask(&shelf, "/v1/bundles/shop/web/revisions/none", &[]).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(String::from_utf8(body).unwrap().contains("`none`"));
}

#[tokio::test(start_paused = true)]
async fn a_poll_is_answered_at_once_when_the_process_is_about_to_end() {
    let (shelf, bundle) = (shelf(), publication("shop", "web", "hero"));
    shelf.put("shop", "web", Some(&bundle));
    shelf.end();
    let known = format!("\"{}\"", bundle.revision);
    let began = tokio::time::Instant::now();
    let (status, ..) = ask(
        &shelf,
        "/v1/bundles/shop/web?wait=30s",
        &[("if-none-match", &known)],
    )
    .await;
    assert_eq!(status, StatusCode::NOT_MODIFIED);
    assert_eq!(began.elapsed(), Duration::ZERO);
}

async fn tell(shelf: &Arc<Shelf>, path: &str, body: &str) -> StatusCode {
    let routes = router(Arc::clone(shelf), Arc::new(Gate::Open));
    let request = Request::post(path).header(CONTENT_TYPE, "application/json");
    let request = request.body(Body::from(body.to_owned())).unwrap();
    routes.oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn hears_what_deciders_counted_of_channels_that_there_are() {
    let shelf = shelf();
    shelf.set_ready();
    shelf.put("shop", "web", Some(&publication("shop", "web", "hero")));
    let (path, counts) = (
        "/v1/bundles/shop/web/counts",
        r#"{"touchpoints": {"hero": {"NO_UNIT": 2}}}"#,
    );
    assert_eq!(tell(&shelf, path, counts).await, StatusCode::NO_CONTENT);
    assert_eq!(tell(&shelf, path, counts).await, StatusCode::NO_CONTENT);
    assert_eq!(tell(&shelf, path, "7").await, StatusCode::BAD_REQUEST);
    let large = " ".repeat(MAX_COUNTS + 1);
    assert_eq!(tell(&shelf, path, &large).await, StatusCode::PAYLOAD_TOO_LARGE);
    let nowhere = "/v1/bundles/shop/nowhere/counts";
    assert_eq!(tell(&shelf, nowhere, counts).await, StatusCode::NOT_FOUND);
    let heard = shelf.counted.take();
    assert_eq!(heard.len(), 1);
    assert_eq!(
        (heard[0].namespace.as_str(), heard[0].channel.as_str()),
        ("shop", "web")
    );
    assert_eq!(heard[0].counts.touchpoints["hero"]["NO_UNIT"], 4);
}

#[tokio::test]
async fn what_another_replica_heard_is_added_to_what_was_heard_here() {
    let (leader, follower) = (shelf(), shelf());
    let counted = || Counted {
        namespace: "shop".to_owned(),
        channel: "web".to_owned(),
        counts: serde_json::from_str(r#"{"touchpoints": {"hero": {"NO_UNIT": 1}}}"#).unwrap(),
    };
    leader.counted.put(counted());
    follower.counted.put(counted());
    let telling = Telling {
        replica: "b".to_owned(),
        deciders: follower.deciders.say(),
        counted: follower.counted.take(),
    };
    let telling = serde_json::to_string(&telling).unwrap();
    assert_eq!(
        tell(&leader, "/v1/peers/deciders", &telling).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(leader.counted.take()[0].counts.touchpoints["hero"]["NO_UNIT"], 2);
    let before_counts = r#"{"replica": "c", "deciders": []}"#;
    assert_eq!(
        tell(&leader, "/v1/peers/deciders", before_counts).await,
        StatusCode::NO_CONTENT,
        "a replica of the version before has none"
    );
}
