//! What is deleted turns conditions, never processes; and what was decided before is decided on.

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, wait_until};
use kube::ResourceExt;

use crate::programs::{Answer, Programs, Server};
use attune_e2e::PATIENCE;
use attune_e2e::{Strategy, condition, ensure_same};

/// What a decider answers to many units, some of whom are held out.
pub(crate) async fn decisions(decider: &Server) -> Result<Vec<Answer>> {
    let mut answers = Vec::new();
    for unit in 0..60 {
        answers.push(decider.decide(&format!("member-{unit}")).await?);
    }
    Ok(answers)
}

/// Fails unless two lists of answers say the same, whatever their revisions.
pub(crate) fn ensure_same_words(before: &[Answer], after: &[Answer]) -> Result<()> {
    for (before, after) in before.iter().zip(after) {
        ensure!(
            before.says() == after.says(),
            "another decision: {before:?}, then {after:?}"
        );
    }
    Ok(())
}

/// Deletes the Audience that the binding needs, and waits until everybody concerned says so.
pub(crate) async fn lose_the_audience(strategy: &Strategy) -> Result<()> {
    strategy.delete("Audience", "loyal-high-value").await?;
    for (kind, name) in [
        ("ChannelBinding", "retention-home-hero"),
        ("ChannelBinding", "retention-newsletter"),
        ("Program", "spring-retention"),
        ("ContentModule", "hero"),
    ] {
        let status = strategy
            .turns(kind, name, "ResolvedRefs", ("False", "RefNotFound"))
            .await?;
        let found = condition(&status, "ResolvedRefs")?;
        ensure!(
            found.message.contains("`loyal-high-value`"),
            "{kind} {name}: the message does not name it: {found:?}"
        );
        let ready = condition(&status, "Ready")?;
        ensure!(ready.status == "False", "{kind} {name}: {ready:?}");
    }
    for name in ["retention-home-hero", "retention-newsletter"] {
        strategy
            .turns("ChannelBinding", name, "Programmed", ("False", "ServingPrevious"))
            .await?;
    }
    Ok(())
}

pub(crate) async fn a_lost_audience_turns_conditions_and_no_decision(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let namespace = cluster.create_namespace().await?;
    let strategy = Strategy::new(cluster, &namespace)?;
    let mut operator = programs.operator(cluster, &namespace, &[]).await?;
    strategy.apply().await?;
    let mut decider = programs.decider(cluster, &namespace, "one", &operator).await?;
    strategy
        .turns("Channel", "web", "Programmed", ("True", "Acknowledged"))
        .await?;
    let settled = strategy.is_ready().await?;
    let before = decisions(&decider).await?;
    let personal = before.iter().filter(|answer| answer.variant == "hero/loyal");
    let personal = personal.count();
    ensure!(
        personal > 40 && personal < before.len(),
        "{personal} are personalized, the others held out"
    );

    lose_the_audience(&strategy).await?;
    strategy
        .turns("Channel", "web", "Programmed", ("True", "Acknowledged"))
        .await?;
    ensure_same_words(&before, &decisions(&decider).await?).context("the audience is gone")?;

    strategy.apply_one("Audience", "loyal-high-value").await?;
    strategy
        .comes_to(&settled)
        .await
        .context("the audience is back")?;
    ensure!(
        decisions(&decider).await? == before,
        "other decisions although all is as it was"
    );
    decider.ensure_running()?;
    operator.ensure_running()
}

pub(crate) async fn a_deleted_program_ends_and_a_deleted_channel_is_withdrawn(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let namespace = cluster.create_namespace().await?;
    let strategy = Strategy::new(cluster, &namespace)?;
    let mut operator = programs.operator(cluster, &namespace, &[]).await?;
    strategy.apply().await?;
    let mut decider = programs.decider(cluster, &namespace, "one", &operator).await?;
    let settled = {
        strategy
            .turns("Channel", "web", "Programmed", ("True", "Acknowledged"))
            .await?;
        strategy.is_ready().await?
    };

    strategy.delete("Program", "spring-retention").await?;
    wait_until("the baseline is decided", PATIENCE, async || {
        let answer = decider.decide("member-1").await?;
        ensure!(
            answer.says() == ("hero/everyone", "Welcome", "NOT_ELIGIBLE"),
            "{answer:?}"
        );
        Ok(())
    })
    .await?;
    strategy
        .turns(
            "ChannelBinding",
            "retention-home-hero",
            "Programmed",
            ("False", "NotProgrammed"),
        )
        .await?;
    strategy.apply_one("Program", "spring-retention").await?;
    strategy.comes_to(&settled).await.context("the program is back")?;
    wait_until("the decider personalizes again", PATIENCE, async || {
        let answer = decider.decide("member-1").await?;
        ensure!(answer.variant == "hero/loyal", "{answer:?}");
        Ok(())
    })
    .await?;

    strategy.delete("Channel", "web").await?;
    wait_until("the bundle is withdrawn", PATIENCE, async || {
        let (status, text) = operator.get(&format!("/v1/bundles/{namespace}/web")).await?;
        ensure!(status == 404, "{status} {text}");
        ensure!(
            strategy.bundle("web").await?.is_none(),
            "its ConfigMap is still there"
        );
        Ok(())
    })
    .await?;
    strategy
        .turns(
            "ChannelBinding",
            "retention-home-hero",
            "ResolvedRefs",
            ("False", "RefNotFound"),
        )
        .await?;
    ensure!(
        strategy.bundle("email").await?.is_some(),
        "the other channel lost its bundle"
    );
    let answer = decider.decide("member-1").await?;
    ensure!(
        answer.variant == "hero/loyal",
        "the last rules serve on: {answer:?}"
    );
    strategy.apply_one("Channel", "web").await?;
    strategy.comes_to(&settled).await.context("the channel is back")?;
    decider.ensure_running()?;
    operator.ensure_running()
}

pub(crate) async fn a_previous_form_is_carried_over_a_restart(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let namespace = cluster.create_namespace().await?;
    let strategy = Strategy::new(cluster, &namespace)?;
    let mut operator = programs.operator(cluster, &namespace, &[]).await?;
    strategy.apply().await?;
    let decider = programs.decider(cluster, &namespace, "one", &operator).await?;
    strategy
        .turns("Channel", "web", "Programmed", ("True", "Acknowledged"))
        .await?;
    strategy.is_ready().await?;
    let before = decisions(&decider).await?;
    lose_the_audience(&strategy).await?;
    strategy
        .turns("Channel", "web", "Programmed", ("True", "Acknowledged"))
        .await?;
    let (statuses, bundles) = (strategy.statuses().await?, strategy.bundle_versions().await?);

    // A crash: nothing is handed over but what stands on the API server.
    operator.kill().await?;
    operator.start_again()?;
    operator.is_ready().await?;
    // It has nothing but what this operator gives it.
    let newcomer = programs.decider(cluster, &namespace, "two", &operator).await?;
    for decider in [&newcomer, &decider] {
        ensure_same_words(&before, &decisions(decider).await?)?;
    }
    let deciders = async || {
        let status = strategy.status("Channel", "web").await?;
        ensure!(status["deciders"]["current"] == 2, "{status}");
        Ok(())
    };
    wait_until("both deciders are counted", PATIENCE, deciders).await?;
    ensure!(
        bundles == strategy.bundle_versions().await?,
        "the bundles were written again"
    );
    let mut after = strategy.statuses().await?;
    // Two deciders now.
    for (id, status) in &mut after {
        if id.kind == "Channel" && id.name == "web" {
            status["deciders"]["current"] = 1.into();
            status["deciders"]["desired"] = 1.into();
        }
    }
    ensure_same(&statuses, &after)?;
    operator.ensure_running()
}

pub(crate) async fn a_bundle_that_somebody_deletes_is_written_again(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let namespace = cluster.create_namespace().await?;
    let strategy = Strategy::new(cluster, &namespace)?;
    let mut operator = programs.operator(cluster, &namespace, &[]).await?;
    strategy.apply().await?;
    let settled = strategy.is_ready().await?;
    let stands = async || {
        let bundle = strategy.bundle("web").await?.context("no ConfigMap")?;
        let channel = strategy.object("Channel", "web").await?;
        let owners = bundle.owner_references().iter();
        let uids: Vec<_> = owners.map(|owner| Some(owner.uid.clone())).collect();
        ensure!(
            uids == [channel.uid()],
            "it belongs to {uids:?}, not to {:?}",
            channel.uid()
        );
        Ok(bundle)
    };
    let before = wait_until("the bundle stands", PATIENCE, stands).await?;

    cluster
        .kubectl(&["delete", "configmap", "-n", &namespace, "attune-bundle-web"])
        .await?
        .succeeded()?;
    let again = wait_until("it stands again", PATIENCE, stands).await?;
    ensure!(
        before.uid() != again.uid() && before.binary_data == again.binary_data,
        "not the same bundle in another ConfigMap"
    );

    // Kubernetes removes what belongs to the Channel that was; the one that is has the same rules.
    strategy.delete("Channel", "web").await?;
    strategy.apply_one("Channel", "web").await?;
    strategy.comes_to(&settled).await?;
    let of_the_new_one = wait_until("it belongs to the new channel", PATIENCE, stands).await?;
    ensure!(
        of_the_new_one.binary_data == before.binary_data,
        "not the same bundle"
    );
    operator.ensure_running()
}
