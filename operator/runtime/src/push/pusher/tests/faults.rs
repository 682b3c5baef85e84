//! Receivers that fail in every way that they can.

use super::*;

#[tokio::test]
async fn an_error_is_tried_again_and_shows_its_status_and_nothing_of_its_body() {
    let (server, post) = (Server::plain().await, Post::new());
    server.does("/rules", Does::Answers(500, None));
    post.web(&server.url("/rules"), json!({}), "one");
    let stands = post.says(Reason::ReceiverUnreachable).await;
    assert_eq!(stands.message, "the receiver answers 500");
    assert_eq!(stands.figures.response_status, Some(500));
    assert!(stands.figures.attempts >= Some(1));
    assert!(!format!("{stands:?}").contains("secret"));
    server.does("/rules", Does::Takes);
    let stands = post.says(Reason::Synced).await;
    assert_eq!(stands.figures.attempts, Some(0));
}

#[tokio::test]
async fn a_refusal_is_told_from_an_outage() {
    let (server, post) = (Server::plain().await, Post::new());
    server.does("/rules", Does::Answers(422, None));
    post.web(&server.url("/rules"), json!({}), "one");
    let stands = post.says(Reason::Refused).await;
    assert_eq!(stands.message, "the receiver answers 422");
}

#[tokio::test]
async fn one_that_asks_to_be_left_alone_is() {
    let (server, post) = (Server::plain().await, Post::new());
    server.does("/rules", Does::Answers(429, Some(3)));
    post.web(&server.url("/rules"), json!({}), "one");
    post.says(Reason::ReceiverUnreachable).await;
    let asked = Instant::now();
    server.does("/rules", Does::Takes);
    // Neither a pause of a second nor an edit is any reason to call before.
    post.web(&server.url("/rules"), json!({}), "two");
    post.says(Reason::Synced).await;
    assert!(
        asked.elapsed() >= Duration::from_millis(2900),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(server.sent("/rules").len(), 2);
}

#[tokio::test]
async fn one_that_hangs_is_given_up_and_tried_again() {
    let (server, post) = (Server::plain().await, Post::new());
    server.does("/rules", Does::Hangs);
    let revision = post.web(&server.url("/rules"), json!({}), "one");
    let stands = post.says(Reason::ReceiverUnreachable).await;
    assert_eq!(stands.message, "no answer within 1s");
    server.does("/rules", Does::Takes);
    post.says(Reason::Synced).await;
    assert!(
        server
            .sent("/rules")
            .iter()
            .all(|request| request.header("webhook-id") == revision)
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_never_ends_acknowledges_nothing() {
    for (does, reason, message) in [
        (
            Does::BreaksOff,
            Reason::ReceiverUnreachable,
            "the receiver's answer broke off",
        ),
        (
            Does::Rambles,
            Reason::Refused,
            "the receiver answers more than 64 KiB",
        ),
    ] {
        let (server, post) = (Server::plain().await, Post::new());
        server.does("/rules", does);
        post.web(&server.url("/rules"), json!({}), "one");
        let stands = post.says(reason).await;
        assert_eq!(stands.message, message);
        assert_eq!(stands.figures.revision, None);
        server.does("/rules", Does::Takes);
        post.says(Reason::Synced).await;
    }
}

#[tokio::test]
async fn one_that_is_not_there_is_found_when_it_comes_back() {
    let (mut server, post) = (Server::plain().await, Post::new());
    let url = server.url("/rules");
    server.stop().await;
    post.web(&url, json!({}), "one");
    let stands = post.says(Reason::ReceiverUnreachable).await;
    assert!(
        stands.message.starts_with("the receiver cannot be reached: "),
        "{}",
        stands.message
    );
    server.start_again().await;
    post.says(Reason::Synced).await;
}

#[tokio::test]
async fn an_old_revision_in_the_answer_is_no_acknowledgement() {
    let (server, post) = (Server::plain().await, Post::new());
    server.does("/rules", Does::Names("an-older-one"));
    post.web(&server.url("/rules"), json!({}), "one");
    let stands = post.says(Reason::Refused).await;
    assert_eq!(stands.figures.revision, None);
    assert!(!stands.message.contains("an-older-one"), "{}", stands.message);
    server.does("/rules", Does::Takes);
    post.says(Reason::Synced).await;
}

#[tokio::test]
async fn one_that_has_moved_is_followed_where_nothing_is_lost_by_it() {
    let (server, post) = (Server::plain().await, Post::new());
    server.does("/rules", Does::Moves(307, "/moved".to_owned()));
    let revision = post.web(&server.url("/rules"), json!({}), "one");
    post.says(Reason::Synced).await;
    assert_eq!(server.revision("/moved"), Some(revision));

    for (status, to, expected) in [
        (302, "/moved", "cannot be followed"),
        (308, "/rules", "redirects again and again"),
    ] {
        let (server, post) = (Server::plain().await, Post::new());
        server.does("/rules", Does::Moves(status, to.to_owned()));
        post.web(&server.url("/rules"), json!({}), "one");
        let stands = post.says(Reason::Refused).await;
        assert!(stands.message.contains(expected), "{}", stands.message);
    }
}

#[tokio::test]
async fn a_redirect_leads_nowhere_that_may_not_be_reached() {
    for (to, expected) in [
        ("http://169.254.169.254/latest/meta-data", "a cloud's metadata"),
        ("http://10.0.0.1/", "private"),
        ("http://[::1]/", "loopback"),
    ] {
        let (server, post) = (Server::plain().await, Post::new());
        server.does("/rules", Does::Moves(307, to.to_owned()));
        post.web(&server.url("/rules"), json!({}), "one");
        let stands = post.says(Reason::EgressDenied).await;
        assert!(stands.message.contains(expected), "{}", stands.message);
    }
}

#[tokio::test]
async fn a_name_that_turns_to_a_private_address_is_no_longer_reached() {
    let (server, post) = (Server::plain().await, Post::new());
    let url = format!("http://hooks.example:{}/rules", server.port);
    post.web(&url, json!({}), "one");
    post.says(Reason::Synced).await;
    assert_eq!(
        *post.lookups.lock().unwrap(),
        1,
        "what was checked is what is connected to"
    );
    for (touchpoint, address) in [("a", "10.0.0.1"), ("b", "169.254.169.254"), ("c", "::1")] {
        *post.addresses.lock().unwrap() = vec![address.parse().unwrap()];
        post.web(&url, json!({}), touchpoint);
        until("it is denied", || {
            post.stands("web").reason == Reason::EgressDenied
        })
        .await;
    }
    // Of several, those that may be reached are.
    *post.addresses.lock().unwrap() = vec!["10.0.0.1".parse().unwrap(), "127.0.0.1".parse().unwrap()];
    post.web(&url, json!({}), "two");
    post.says(Reason::Synced).await;
}

#[tokio::test]
async fn nothing_is_sent_where_the_settings_do_not_let_it() {
    let server = Server::plain().await;
    let loopback = ["127.0.0.0/8".parse::<IpNet>().unwrap()];
    let hosts = ["hooks.example".to_owned()];
    for (egress, expected) in [
        (Egress::new(&[], false, &loopback), "without TLS"),
        (Egress::new(&[], true, &[]), "loopback"),
        (
            Egress::new(&hosts, true, &loopback),
            "none that the operator may send to",
        ),
    ] {
        let post = Post::where_it_may(&egress);
        post.web(&server.url("/rules"), json!({}), "one");
        let stands = post.says(Reason::EgressDenied).await;
        assert!(stands.message.contains(expected), "{}", stands.message);
    }
    assert_eq!(server.sent("/rules").len(), 0);
}
