//! Pods that should have a decider and do not.

use anyhow::{Result, ensure};
use attune_e2e::{Cluster, condition};

use crate::apps::{App, documents};
use crate::asking::{has_decider, told};
use crate::installed::{Installed, PATIENCE, counts, leave, strategy};

pub(crate) async fn pods_from_before_they_asked_are_counted_and_named(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let strategy = strategy(cluster, &namespace).await?;
    let app = App::new(cluster).named("web");
    let pods = [app.pod("by-label"), app.pod("by-namespace")];
    cluster.apply(&namespace, &documents(&pods)).await?;
    for pod in ["by-label", "by-namespace"] {
        let found = cluster.wait_pod_ready(&namespace, pod, PATIENCE).await?;
        ensure!(!has_decider(&found), "{pod} has a decider");
    }
    counts(&strategy, "web", [0, 0, 0, 0, 0]).await?;

    let kubectl = cluster.control_plane();
    let label = [
        "-n",
        &namespace,
        "label",
        "pod/by-label",
        "attune.dev/inject=true",
    ];
    kubectl.kubectl(&label).await?.without_complaint()?;
    let status = counts(&strategy, "web", [1, 0, 0, 0, 1]).await?;
    let converged = condition(&status, "Converged")?;
    ensure!(
        (converged.status.as_str(), converged.reason.as_str()) == ("False", "DecidersMissing")
            && converged.message.contains("by-label"),
        "{converged:?}"
    );
    let label = [
        "label",
        &format!("namespace/{namespace}"),
        "attune.dev/inject=true",
    ];
    kubectl.kubectl(&label).await?.without_complaint()?;
    let status = counts(&strategy, "web", [2, 0, 0, 0, 2]).await?;
    let converged = condition(&status, "Converged")?;
    ensure!(
        converged.message.contains("by-label") && converged.message.contains("by-namespace"),
        "{converged:?}"
    );
    println!("{}", converged.message);
    for pod in ["by-label", "by-namespace"] {
        let reason = "DecidersMissing";
        told(cluster, &namespace, ("Channel", "web"), reason, pod).await?;
        told(cluster, &namespace, ("Pod", pod), reason, "channel `web`").await?;
    }

    // What takes their place has one.
    let delete = ["-n", &namespace, "delete", "pod/by-label", "pod/by-namespace"];
    kubectl.kubectl(&delete).await?.succeeded()?;
    cluster.apply(&namespace, &documents(&pods)).await?;
    let status = counts(&strategy, "web", [2, 2, 2, 0, 0]).await?;
    ensure!(condition(&status, "Converged")?.status == "True", "{status:#}");
    leave(cluster, &namespace).await
}
