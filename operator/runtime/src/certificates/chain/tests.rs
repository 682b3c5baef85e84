use super::*;

const LIVES: Lives = Lives {
    authority: SignedDuration::from_hours(365 * 24),
    server: SignedDuration::from_hours(90 * 24),
};

fn at(days: i64) -> Timestamp {
    let start: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    start + SignedDuration::from_hours(24 * days)
}

fn names() -> Vec<String> {
    vec!["attune-operator.attune-system.svc".to_owned()]
}

fn advance(standing: &Data, day: i64) -> Data {
    Chain::advance(standing, &names(), LIVES, at(day)).unwrap().data()
}

fn blocks(pem: &str) -> usize {
    pem.matches("-----BEGIN CERTIFICATE-----").count()
}

#[test]
fn the_first_authority_signs_at_once() {
    let data = advance(&Data::new(), 0);
    assert_eq!(data[TRUSTED], data[SIGNER_CERTIFICATE]);
    assert!(is_for(
        &data[TLS_CERTIFICATE],
        &names(),
        &data[SIGNER_CERTIFICATE]
    ));
    assert!(!data.contains_key(NEXT_CERTIFICATE));
}

#[test]
fn nothing_changes_before_anything_is_due() {
    let data = advance(&Data::new(), 0);
    assert_eq!(advance(&data, 0), data);
    assert_eq!(advance(&data, 59), data);
}

#[test]
fn what_is_served_is_renewed_at_two_thirds_of_its_life_by_the_same_authority() {
    let first = advance(&Data::new(), 0);
    let second = advance(&first, 61);
    assert_ne!(first[TLS_CERTIFICATE], second[TLS_CERTIFICATE]);
    assert_eq!(first[TRUSTED], second[TRUSTED]);
}

#[test]
fn a_new_authority_is_trusted_before_it_signs_and_the_old_one_after() {
    let first = advance(&Data::new(), 0);
    let told = advance(&first, 244);
    assert_eq!(
        told[SIGNER_CERTIFICATE], first[SIGNER_CERTIFICATE],
        "the old one still signs"
    );
    assert!(told[TRUSTED].contains(&told[NEXT_CERTIFICATE]));
    assert!(told[TRUSTED].contains(&first[SIGNER_CERTIFICATE]));
    assert_eq!(
        advance(&told, 244),
        told,
        "nothing more until the news has spread"
    );

    let switched = advance(&told, 246);
    assert_eq!(switched[SIGNER_CERTIFICATE], told[NEXT_CERTIFICATE]);
    assert!(is_for(
        &switched[TLS_CERTIFICATE],
        &names(),
        &told[NEXT_CERTIFICATE]
    ));
    assert_eq!(
        blocks(&switched[TRUSTED]),
        2,
        "what the old one signed is still out"
    );
    assert!(!switched.contains_key(NEXT_CERTIFICATE));

    let later = advance(&switched, 366);
    assert_eq!(later[TRUSTED], later[SIGNER_CERTIFICATE], "the old one has ended");
}

#[test]
fn whatever_is_served_is_signed_by_somebody_who_was_trusted_the_day_before() {
    let mut data = advance(&Data::new(), 0);
    for day in 1..1500 {
        let trusted = data[TRUSTED].clone();
        data = advance(&data, day);
        assert!(trusted.contains(&data[SIGNER_CERTIFICATE]), "day {day}");
        let validity = validity(&data[TLS_CERTIFICATE]).unwrap();
        assert!(
            validity.from < at(day) && validity.until > at(day + 1),
            "day {day}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_made_anew() {
    let good = advance(&Data::new(), 0);
    for key in [SIGNER_CERTIFICATE, SIGNER_KEY, TLS_CERTIFICATE, TLS_KEY] {
        for damage in [Some("damaged"), None] {
            let mut data = good.clone();
            match damage {
                Some(text) => data.insert(key.to_owned(), text.to_owned()),
                None => data.remove(key),
            };
            let mended = advance(&data, 1);
            assert!(is_for(
                &mended[TLS_CERTIFICATE],
                &names(),
                &mended[SIGNER_CERTIFICATE]
            ));
            assert!(mended[TRUSTED].contains(&good[SIGNER_CERTIFICATE]), "{key}");
        }
    }
}

#[test]
fn other_names_ask_for_another_certificate() {
    let data = advance(&Data::new(), 0);
    let other = vec!["other.attune-system.svc".to_owned()];
    let chain = Chain::advance(&data, &other, LIVES, at(1)).unwrap();
    assert_ne!(chain.data()[TLS_CERTIFICATE], data[TLS_CERTIFICATE]);
    assert_eq!(chain.data()[SIGNER_CERTIFICATE], data[SIGNER_CERTIFICATE]);
}

#[test]
fn another_server_shares_the_trust_and_not_the_keys() {
    let chain = Chain::advance(&Data::new(), &names(), LIVES, at(0)).unwrap();
    let collector = vec!["attune-collector.attune-system.svc".to_owned()];
    let data = chain.of_another(&Data::new(), &collector, LIVES, at(0)).unwrap();
    assert_eq!(
        data.keys().collect::<Vec<_>>(),
        [TRUSTED, TLS_CERTIFICATE, TLS_KEY]
    );
    assert_eq!(data[TRUSTED], chain.trusted());
    assert_eq!(chain.of_another(&data, &collector, LIVES, at(1)).unwrap(), data);
}

#[test]
fn keys_are_not_shown() {
    let identity = authority(at(0), LIVES.authority).unwrap();
    assert!(!format!("{identity:?}").contains("PRIVATE"));
}
