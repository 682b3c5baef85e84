use std::collections::BTreeMap;

use k8s_openapi::api::authentication::v1::UserInfo;

use super::*;

fn status(username: &str, audiences: &[&str]) -> TokenReviewStatus {
    TokenReviewStatus {
        authenticated: Some(true),
        audiences: Some(audiences.iter().map(|audience| (*audience).to_owned()).collect()),
        user: Some(UserInfo {
            username: Some(username.to_owned()),
            extra: Some(BTreeMap::from([(POD_NAME.to_owned(), vec!["web-1".to_owned()])])),
            ..UserInfo::default()
        }),
        ..TokenReviewStatus::default()
    }
}

#[test]
fn a_service_account_is_known_by_namespace_name_and_pod() {
    let caller = judge(status("system:serviceaccount:shop:web", &[TOKEN_AUDIENCE])).unwrap();
    assert_eq!(
        (caller.namespace.as_str(), caller.account.as_str()),
        ("shop", "web")
    );
    assert_eq!(caller.to_string(), "pod `shop/web-1`");
}

#[test]
fn a_token_for_another_audience_is_not_accepted() {
    for audiences in [&["https://kubernetes.default.svc"][..], &[]] {
        let verdict = judge(status("system:serviceaccount:shop:web", audiences));
        assert!(matches!(verdict, Err(CallerError::Accept)), "{audiences:?}");
    }
}

#[test]
fn people_and_odd_names_are_no_service_accounts() {
    for user in [
        "admin",
        "system:serviceaccount:shop",
        "system:serviceaccount::web",
        "",
    ] {
        let verdict = judge(status(user, &[TOKEN_AUDIENCE]));
        assert!(matches!(verdict, Err(CallerError::Recognise { .. })), "{user}");
    }
}

#[test]
fn what_is_not_authenticated_is_nobody() {
    let verdict = judge(TokenReviewStatus {
        authenticated: Some(false),
        ..status("system:serviceaccount:shop:web", &[TOKEN_AUDIENCE])
    });
    assert!(matches!(verdict, Err(CallerError::Accept)));
    assert!(matches!(
        judge(TokenReviewStatus::default()),
        Err(CallerError::Accept)
    ));
}

#[test]
fn reads_the_token_from_the_header_alone() {
    let mut headers = HeaderMap::new();
    assert_eq!(bearer(&headers), None);
    headers.insert(AUTHORIZATION, "Basic abc".parse().unwrap());
    assert_eq!(bearer(&headers), None);
    headers.insert(AUTHORIZATION, "bearer abc".parse().unwrap());
    assert_eq!(bearer(&headers), Some("abc"));
}

#[tokio::test(start_paused = true)]
async fn a_verdict_is_forgotten_after_a_minute() {
    let memory = Memory::default();
    memory.keep([1; 32], Err(CallerError::Accept));
    assert!(memory.recall(&[1; 32]).is_some());
    assert!(memory.recall(&[2; 32]).is_none());
    tokio::time::advance(Duration::from_secs(61)).await;
    assert!(memory.recall(&[1; 32]).is_none());
}
