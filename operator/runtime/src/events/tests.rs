use super::*;

fn told(post: &mut Post) -> Vec<String> {
    post.lines()
}

fn channel() -> ObjectReference {
    channel_reference("shop", "web", Some("uid-1".to_owned()))
}

#[tokio::test(start_paused = true)]
async fn what_a_request_causes_is_told_once_a_minute_for_each_object() {
    let (events, mut post) = Events::new(Arc::new(Metrics::new()));
    for _ in 0..100 {
        events.bundle_denied("shop", "web", "pod `blog/thief`");
    }
    events.bundle_denied("shop", "email", "pod `blog/thief`");
    let expected = |channel: &str| {
        format!(
            "BundleDenied {channel}: pod `blog/thief` asked for the bundle and was denied: it is for pods of `shop` only"
        )
    };
    assert_eq!(told(&mut post), [expected("web"), expected("email")]);
    tokio::time::advance(REQUEST_INTERVAL).await;
    events.bundle_denied("shop", "web", "pod `blog/thief`");
    assert_eq!(told(&mut post), [expected("web")]);
}

#[tokio::test]
async fn tells_never_wait_and_too_many_are_counted() {
    let metrics = Arc::new(Metrics::new());
    let (events, mut post) = Events::new(Arc::clone(&metrics));
    for _ in 0..=BACKLOG {
        events.tell(channel(), EventReason::NotReady, "it is broken");
    }
    assert_eq!(told(&mut post).len(), BACKLOG);
    assert!(metrics.encode().contains("attune_operator_events_lost_total 1\n"));
    Events::default().tell(channel(), EventReason::NotReady, "nobody listens");
}

#[tokio::test]
async fn a_turned_condition_says_what_it_says() {
    let (events, mut post) = Events::new(Arc::new(Metrics::new()));
    for (type_, truth, reason, message) in [
        (ConditionType::Ready, false, Reason::RefNotFound, "spec.x: gone"),
        (ConditionType::Ready, true, Reason::Ready, ""),
        (
            ConditionType::Programmed,
            false,
            Reason::Published,
            "nobody acknowledged it",
        ),
        (ConditionType::Programmed, false, Reason::NotProgrammed, "never"),
        (
            ConditionType::Programmed,
            false,
            Reason::ServingPrevious,
            "the last form serves on",
        ),
        (
            ConditionType::Programmed,
            true,
            Reason::FallbackTooLarge,
            "too large",
        ),
        (
            ConditionType::Programmed,
            true,
            Reason::EvidenceMissing,
            "10 % at most",
        ),
        (ConditionType::Programmed, true, Reason::Acknowledged, ""),
        (
            ConditionType::Converged,
            false,
            Reason::DecidersMissing,
            "`a` has none",
        ),
        (ConditionType::Converged, true, Reason::Converged, ""),
    ] {
        events.turned(channel(), &Judged::new(type_, truth, reason, message));
    }
    assert_eq!(
        told(&mut post),
        [
            "NotReady web: spec.x: gone",
            "Ready web: The resource has become usable again.",
            "Published web: nobody acknowledged it",
            "NotProgrammed web: never",
            "ServingPrevious web: the last form serves on",
            "FallbackTooLarge web: too large",
            "StrategyBroken web: Programmed: 10 % at most",
            "Programmed web: What the resource says is live again.",
            "DecidersMissing web: `a` has none",
            "Converged web: Every decider has the published revision again.",
        ]
    );
}
