use super::*;

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn networks(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn refuses_what_is_not_public() {
    let egress = Egress::new(&[], false, &[]);
    for address in [
        "127.0.0.1",
        "127.8.9.10",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.1.1",
        "198.18.0.1",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd12:3456::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:0a00:0001::1",
        "2001:db8::1",
        "100::1",
    ] {
        let denied = egress.check_address("hooks.example", address.parse().unwrap());
        assert!(
            matches!(denied, Err(Denied::Private { .. })),
            "{address}: {denied:?}"
        );
    }
    for address in [
        "1.1.1.1",
        "172.32.0.1",
        "100.128.0.1",
        "2606:4700::1111",
        "::ffff:1.1.1.1",
    ] {
        assert_eq!(
            egress.check_address("hooks.example", address.parse().unwrap()),
            Ok(()),
            "{address}"
        );
    }
}

#[test]
fn never_reaches_metadata_or_nobody_whatever_is_allowed() {
    let egress = Egress::new(&[], true, &networks(&["0.0.0.0/0", "::/0"]));
    for address in [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "fd00:ec2::23",
        "64:ff9b:1:a9fe:a9:fe00:808:808",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
    ] {
        let denied = egress.check_address("hooks.example", address.parse().unwrap());
        assert!(
            matches!(denied, Err(Denied::Never { .. })),
            "{address}: {denied:?}"
        );
    }
    assert_eq!(
        egress.check_address("hooks.example", "10.1.2.3".parse().unwrap()),
        Ok(())
    );
}

#[test]
fn allows_the_networks_that_the_settings_name_and_no_other() {
    let egress = Egress::new(&[], false, &networks(&["10.1.0.0/16"]));
    let check = |address: &str| egress.check_address("hooks.example", address.parse().unwrap());
    assert_eq!(check("10.1.2.3"), Ok(()));
    assert_eq!(check("::ffff:10.1.2.3"), Ok(()));
    assert!(check("10.2.0.1").is_err());
    assert!(check("127.0.0.1").is_err());
}

#[test]
fn judges_scheme_host_and_credentials_of_a_url() {
    let open = Egress::new(&[], false, &[]);
    assert_eq!(open.check(&url("https://hooks.example.com/rules")), Ok(()));
    assert!(matches!(
        open.check(&url("http://hooks.example.com/")),
        Err(Denied::Scheme { .. })
    ));
    assert!(matches!(
        open.check(&url("ftp://hooks.example.com/")),
        Err(Denied::Scheme { .. })
    ));
    assert!(matches!(
        open.check(&url("https://a:b@hooks.example.com/")),
        Err(Denied::Credentials { .. })
    ));
    assert!(matches!(
        open.check(&url("https://127.0.0.1/")),
        Err(Denied::Private { .. })
    ));
    assert!(matches!(
        open.check(&url("https://[::1]/")),
        Err(Denied::Private { .. })
    ));
    // Other spellings of 127.0.0.1 and of the metadata address.
    assert!(matches!(
        open.check(&url("https://2130706433/")),
        Err(Denied::Private { .. })
    ));
    assert!(matches!(
        open.check(&url("https://0x7f.1/")),
        Err(Denied::Private { .. })
    ));
    assert!(matches!(
        open.check(&url("https://[::ffff:a9fe:a9fe]/")),
        Err(Denied::Never { .. })
    ));
    assert_eq!(
        Egress::new(&[], true, &[]).check(&url("http://hooks.example.com/")),
        Ok(())
    );
}

#[test]
fn reaches_listed_hosts_only_where_any_are_listed() {
    let hosts = ["Hooks.Example.com".to_owned(), "*.cdn.example".to_owned()];
    let egress = Egress::new(&hosts, false, &[]);
    for (text, expected) in [
        ("https://hooks.example.com/", true),
        ("https://HOOKS.example.com./", true),
        ("https://a.hooks.example.com/", false),
        ("https://eu.cdn.example/", true),
        ("https://a.eu.cdn.example/", true),
        ("https://cdn.example/", false),
        ("https://evilcdn.example/", false),
        ("https://1.1.1.1/", false),
    ] {
        assert_eq!(egress.check(&url(text)).is_ok(), expected, "{text}");
    }
}
