//! Who may ask a Channel's Service: by keys, over TLS, and from which pages. The Secrets are the owner's, and change.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use attune_e2e::{Cluster, wait_until};
use reqwest::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue};

use crate::asking::told;
use crate::guarded::{Caller, Guarded, Identity, keys};
use crate::installed::{Installed, PATIENCE, leave};

/// The page that may ask, and one that may not.
const SHOP: &str = "https://shop.example";
const ELSEWHERE: &str = "https://elsewhere.example";

/// Waits until every one of these is answered so; the kubelet passes on what a Secret holds in its own time.
async fn each(what: &str, callers: &[Caller], holds: impl AsyncFn(&Caller) -> Result<()>) -> Result<()> {
    let began = Instant::now();
    wait_until(what, PATIENCE, async || {
        for caller in callers {
            holds(caller).await?;
        }
        Ok(())
    })
    .await?;
    eprintln!("{what} after {:.1?}", began.elapsed());
    Ok(())
}

pub(crate) async fn a_service_wants_keys_answers_over_tls_and_lets_the_pages_ask_that_it_is_told(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let shop = Guarded::new(cluster, SHOP).await?;
    let (ours, others) = (Identity::new(&shop.name)?, Identity::new(&shop.name)?);
    // Without a certificate nobody could be answered: no decider starts.
    for pod in shop.pods().await? {
        told(cluster, &shop.namespace, ("Pod", &pod), "FailedMount", "web-tls").await?;
        let status = cluster
            .pod(&shop.namespace, &pod)
            .await?
            .status
            .unwrap_or_default();
        ensure!(status.phase.as_deref() == Some("Pending"), "{status:?}");
    }
    shop.apply(ours.secret()).await?;
    let addresses = shop.ready().await?;
    let callers = shop.callers(&addresses, &[&ours])?;

    // Without the Secret with keys nobody is let in.
    for caller in &callers {
        caller.refuses(&[]).await?;
        caller.refuses(&[("x-api-key", "web-1")]).await?;
    }
    shop.apply(keys("# of the shop\nweb-1\nweb-2\n")).await?;
    each("keys of a Secret are in force", &callers, async |caller| {
        caller.decides("web-1").await
    })
    .await?;
    for caller in &callers {
        caller.decides("web-2").await?;
        let wrong = [
            ("x-api-key", "web"),
            ("x-api-key", "not-for-clients"),
            ("authorization", "Basic web-1"),
        ];
        for headers in wrong.iter().map(std::slice::from_ref).chain([&[][..]]) {
            caller.refuses(headers).await?;
        }
        only_the_shop_may_ask(caller).await?;
    }

    // Nobody is answered who trusts others, nor without TLS.
    for (caller, address) in shop.callers(&addresses, &[&others])?.iter().zip(&addresses) {
        let answer = caller.ask(&[("x-api-key", "web-1")]).await;
        ensure!(answer.is_err(), "{answer:?}");
        let plain = caller
            .client
            .get(format!("http://{address}/healthz"))
            .send()
            .await;
        ensure!(plain.is_err(), "{plain:?}");
    }
    let service = cluster
        .connect_service(&shop.namespace, "attune-web", 443)
        .await?;
    Caller::new(&shop.name, (service, 443).into(), &[&ours])?
        .decides("web-1")
        .await?;
    leave(cluster, &shop.namespace).await
}

async fn only_the_shop_may_ask(caller: &Caller) -> Result<()> {
    for (origin, allowed) in [(SHOP, Some(SHOP)), (ELSEWHERE, None), ("null", None)] {
        let with_key = caller.ask(&[("x-api-key", "web-1"), ("origin", origin)]).await?;
        ensure!(with_key.status() == 200, "{with_key:?}");
        // A page is told, too, that its key is a wrong one.
        let without = caller.ask(&[("origin", origin)]).await?;
        ensure!(without.status() == 401, "{without:?}");
        let before = caller.preflight(origin).await?;
        for headers in [with_key.headers(), without.headers(), &before] {
            let found = headers.get(ACCESS_CONTROL_ALLOW_ORIGIN);
            ensure!(
                found.map(HeaderValue::as_bytes) == allowed.map(str::as_bytes),
                "{origin}: {headers:?}"
            );
            ensure!(
                headers.get_all("vary").iter().any(|value| value == "origin"),
                "{headers:?}"
            );
        }
        let may_send = before
            .get(ACCESS_CONTROL_ALLOW_HEADERS)
            .and_then(|value| value.to_str().ok());
        ensure!(
            may_send.is_some_and(|names| names.contains("authorization")) == allowed.is_some(),
            "{before:?}"
        );
    }
    Ok(())
}

pub(crate) async fn rotated_keys_and_certificates_are_in_force_without_a_restart(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let shop = Guarded::new(cluster, SHOP).await?;
    let (old, new) = (Identity::new(&shop.name)?, Identity::new(&shop.name)?);
    // Deciders start with the certificate, so that they find the keys.
    shop.apply(keys("steady\nold")).await?;
    shop.apply(old.secret()).await?;
    let addresses = shop.ready().await?;
    let before = shop.lives().await?;
    let steady = shop.callers(&addresses, &[&old, &new])?;
    let is_over = AtomicBool::new(false);
    let rotating = async {
        let rotated = rotate(&shop, &addresses, (&old, &new)).await;
        is_over.store(true, Ordering::Relaxed);
        rotated
    };
    // Who trusts both authorities and shows a key that stays is answered throughout.
    let (rotated, asked) = tokio::join!(rotating, ask_on(&steady, &is_over));
    rotated?;
    eprintln!("{} decisions meanwhile", asked?);
    let after = shop.lives().await?;
    ensure!(
        before == after && after.iter().all(|(_, restarts)| *restarts == 0),
        "{before:?}, then {after:?}"
    );
    leave(cluster, &shop.namespace).await
}

async fn rotate(
    shop: &Guarded<'_>,
    addresses: &[SocketAddr],
    (old, new): (&Identity, &Identity),
) -> Result<()> {
    let callers = shop.callers(addresses, &[old])?;
    each("the first key opens", &callers, async |caller| {
        caller.decides("old").await
    })
    .await?;
    shop.apply(keys("steady\nold\nnew")).await?;
    each("a key that was added opens", &callers, async |caller| {
        caller.decides("old").await?;
        caller.decides("new").await
    })
    .await?;
    shop.apply(keys("steady\nnew")).await?;
    each(
        "a key that was withdrawn opens nothing",
        &callers,
        async |caller| {
            caller.refuses(&[("x-api-key", "old")]).await?;
            caller.decides("new").await
        },
    )
    .await?;

    shop.apply(new.secret()).await?;
    let renewed = shop.callers(addresses, &[new])?;
    each("a new certificate is answered with", &renewed, async |caller| {
        caller.decides("new").await
    })
    .await?;
    for caller in &callers {
        let answer = caller.ask(&[("x-api-key", "new")]).await;
        ensure!(answer.is_err(), "by the old authority: {answer:?}");
    }
    Ok(())
}

/// Asks all of them again and again until it is over; gives how often.
async fn ask_on(callers: &[Caller], is_over: &AtomicBool) -> Result<usize> {
    let mut asked = 0;
    while !is_over.load(Ordering::Relaxed) {
        for caller in callers {
            if let Err(error) = caller.decides("steady").await {
                bail!("after {asked} decisions: {error:#}");
            }
            asked += 1;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(asked)
}
