//! The resource definitions in the chart.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, parse_documents, repository};
use kube::ResourceExt;
use kube::api::DynamicObject;

use crate::golden::updating;
use crate::helm::{Helm, chart};

/// The files of the chart are copies, because a chart cannot read beyond its directory. `ATTUNE_UPDATE=1` copies them.
pub(crate) async fn are_those_of_the_types(_: &ControlPlane, _: &Helm) -> Result<()> {
    let (source, copy) = (repository().join("crds"), chart().join("files/crds"));
    if updating() {
        for name in files(&copy)?.keys() {
            std::fs::remove_file(copy.join(name))?;
        }
        for (name, text) in files(&source)? {
            crate::golden::write(&copy.join(name), &text)?;
        }
    }
    let (source, copy) = (files(&source)?, files(&copy)?);
    ensure!(source.len() == 10, "{} definitions", source.len());
    ensure!(
        source.keys().eq(copy.keys()),
        "crds/ has {:?}, the chart {:?}",
        source.keys(),
        copy.keys()
    );
    for (name, text) in source {
        ensure!(
            copy.get(&name) == Some(&text),
            "{name} differs: run `cp crds/*.yaml charts/attune/files/crds/`"
        );
    }
    Ok(())
}

/// Rendered they are what they were, but for the annotation by which Helm leaves them behind.
pub(crate) async fn are_kept_and_otherwise_unchanged(_: &ControlPlane, helm: &Helm) -> Result<()> {
    let rendered = definitions(helm.objects(&[]).await?);
    ensure!(rendered.len() == 10, "{} definitions", rendered.len());
    for mut object in rendered {
        let policy = object.annotations_mut().remove("helm.sh/resource-policy");
        ensure!(
            policy.as_deref() == Some("keep"),
            "{} would go with the release",
            object.name_any()
        );
        object.metadata.annotations = None;
        let name = object.name_any();
        let file = name
            .split_once('.')
            .map(|(plural, group)| format!("{group}_{plural}.yaml"));
        let path = repository()
            .join("crds")
            .join(file.context("a name with a group")?);
        let source = parse_documents(&std::fs::read_to_string(path)?)?;
        ensure!(
            source
                .iter()
                .map(serde_json::to_value)
                .collect::<Result<Vec<_>, _>>()?
                == [serde_json::to_value(&object)?],
            "{name} is rendered differently"
        );
    }
    Ok(())
}

pub(crate) async fn can_be_left_out(_: &ControlPlane, helm: &Helm) -> Result<()> {
    let rendered = definitions(helm.objects(&["--set", "crds.install=false"]).await?);
    ensure!(rendered.is_empty(), "{} definitions", rendered.len());
    Ok(())
}

fn definitions(mut objects: Vec<DynamicObject>) -> Vec<DynamicObject> {
    objects.retain(|object| {
        let types = object.types.as_ref();
        types.is_some_and(|types| types.kind == "CustomResourceDefinition")
    });
    objects
}

fn files(directory: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .context("a name in UTF-8")?;
        if path.extension().is_some_and(|extension| extension == "yaml") {
            files.insert(name.to_owned(), std::fs::read_to_string(&path)?);
        }
    }
    Ok(files)
}
