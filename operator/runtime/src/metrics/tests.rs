use super::*;

#[test]
fn names_what_alerts_and_dashboards_rely_on() {
    let metrics = Metrics::new();
    metrics.led(true);
    metrics.webhook_answered(Webhook::Inject, "injected", 0.001);
    metrics.webhook_answered(Webhook::Validate, "refused", 0.001);
    metrics.reviewed(Reviewed::Denied);
    metrics.told_peer(false);
    metrics.certificate_expires("serving", 1_800_000_000);
    metrics.told(EventReason::DecidersMissing);
    metrics.event_lost();
    metrics.pushed("send", Pushed::Unreachable, 0.1);
    metrics.drifted();
    metrics.counted_receivers(&[(Pushed::Synced, 3)].into());
    metrics.counted(&DeciderFigures {
        desired: 5,
        injected: 4,
        current: 2,
        stale: 1,
        missing: 2,
    });
    let text = metrics.encode();
    for line in [
        "attune_operator_leader 1",
        "attune_operator_webhook_requests_total{webhook=\"inject\",outcome=\"injected\"} 1",
        "attune_operator_webhook_requests_total{webhook=\"validate\",outcome=\"refused\"} 1",
        "attune_operator_webhook_duration_seconds_count{webhook=\"inject\"} 1",
        "attune_operator_token_reviews_total{outcome=\"denied\"} 1",
        "attune_operator_peers_total{outcome=\"failed\"} 1",
        "attune_operator_certificate_expiry_timestamp_seconds{certificate=\"serving\"} 1800000000",
        "attune_operator_events_total{reason=\"DecidersMissing\"} 1",
        "attune_operator_events_lost_total 1",
        "attune_push_requests_total{call=\"send\",outcome=\"unreachable\"} 1",
        "attune_push_request_duration_seconds_count 1",
        "attune_push_drifts_total 1",
        "attune_push_receivers{state=\"synced\"} 3",
        "attune_push_receivers{state=\"drifted\"} 0",
        "attune_operator_deciders{state=\"desired\"} 5",
        "attune_operator_deciders{state=\"missing\"} 2",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "`{line}` is not in:\n{text}"
        );
    }
}
