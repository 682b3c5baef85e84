//! The way of an edit, from `kubectl apply` to a decision.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, wait_until};
use serde_json::Value;

use crate::programs::{Answer, Programs, Server};
use attune_e2e::PATIENCE;
use attune_e2e::{Strategy, condition};

/// Words for the variant that a member sees who buys much.
async fn rewrite(strategy: &mut Strategy, headline: &str) -> Result<()> {
    strategy.edit("ContentModule", "hero", |module| {
        let variants = module["spec"]["variants"]
            .as_array_mut()
            .context("a list of variants")?;
        let variant = variants.iter_mut().find(|variant| variant["name"] == "loyal");
        variant.context("a variant `loyal`")?["content"]["headline"] = Value::from(headline);
        Ok(())
    })?;
    strategy.apply_one("ContentModule", "hero").await
}

async fn comes_to_say(decider: &Server, headline: &str) -> Result<Answer> {
    wait_until("the decider says the new words", PATIENCE, async || {
        let answer = decider.decide("member-1").await?;
        ensure!(answer.headline == headline, "it says `{}`", answer.headline);
        Ok(answer)
    })
    .await
}

pub(crate) async fn an_edit_reaches_the_decider_and_is_acknowledged_by_it(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let namespace = cluster.create_namespace().await?;
    let mut strategy = Strategy::new(cluster, &namespace)?;
    let mut operator = programs.operator(cluster, &namespace, &[]).await?;
    strategy.apply().await?;
    let mut decider = programs.decider(cluster, &namespace, "one", &operator).await?;
    let before = comes_to_say(&decider, "Early access for you").await?;
    ensure!(before.variant == "hero/loyal", "{before:?}");

    let began = Instant::now();
    rewrite(&mut strategy, "Come in first").await?;
    let after = comes_to_say(&decider, "Come in first").await?;
    println!("an edit reached the decider in {:.0?}", began.elapsed());
    ensure!(after.revision != before.revision, "the revision is the same");
    for (kind, name) in [("Channel", "web"), ("ChannelBinding", "retention-home-hero")] {
        let status = wait_until("the status names the decision's revision", PATIENCE, async || {
            let status = strategy.status(kind, name).await?;
            ensure!(status["revision"] == after.revision.as_str(), "{status}");
            let programmed = condition(&status, "Programmed")?;
            ensure!(
                (programmed.status.as_str(), programmed.reason.as_str()) == ("True", "Acknowledged"),
                "{programmed:?}"
            );
            Ok(status)
        });
        status.await.with_context(|| format!("{kind} {name}"))?;
    }
    let status = strategy
        .turns("Channel", "web", "Converged", ("True", "Converged"))
        .await?;
    ensure!(
        status["deciders"]["current"] == 1 && status["deciders"]["desired"] == 1,
        "{status}"
    );
    println!("and was acknowledged after {:.0?}", began.elapsed());

    // Nobody acknowledges what nobody has.
    decider.kill().await?;
    rewrite(&mut strategy, "Nobody reads this").await?;
    let status = wait_until("the channel has another revision", PATIENCE, async || {
        let status = strategy.status("Channel", "web").await?;
        ensure!(status["revision"] != after.revision.as_str(), "{status}");
        Ok(status)
    })
    .await?;
    let programmed = condition(&status, "Programmed")?;
    ensure!(
        (programmed.status.as_str(), programmed.reason.as_str()) == ("False", "Published"),
        "{programmed:?}"
    );
    ensure!(status["deciders"]["stale"] == 1, "{status}");
    decider.start_again()?;
    comes_to_say(&decider, "Nobody reads this").await?;
    strategy
        .turns("Channel", "web", "Programmed", ("True", "Acknowledged"))
        .await?;
    operator.ensure_running()
}
