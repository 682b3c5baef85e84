//! Our programs as processes beside a control plane, and the questions that tests ask of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, Launch, PATIENCE, Port, Process, binary, wait_until};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The instant at which every operator of these tests judges.
pub(crate) const AT: &str = "2026-12-01T00:00:00Z";

/// What a decider's clock is set forward or back by, so that it decides at [`AT`].
fn clock_offset() -> Result<String> {
    let at: Timestamp = AT.parse().context("AT")?;
    Ok(format!("{}s", at.as_second() - Timestamp::now().as_second()))
}

/// How long a program may take to end once told to.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// Where the programs are, built once for all tests.
pub(crate) struct Programs {
    pub(crate) operator: PathBuf,
    pub(crate) decider: PathBuf,
    collector: PathBuf,
    http: reqwest::Client,
}

impl Programs {
    pub(crate) fn build() -> Result<Self> {
        // Only fails where one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            operator: binary("attune-operator")?,
            decider: binary("attune-decider")?,
            collector: binary("attune-collector")?,
            http: reqwest::Client::builder().timeout(PATIENCE).build()?,
        })
    }

    /// An operator of one namespace, without waiting for it. The tests of a suite each have their own, so that each may
    /// stop it.
    pub(crate) fn launch_operator(
        &self,
        cluster: &ControlPlane,
        namespace: &str,
        flags: &[&str],
    ) -> Result<Server> {
        let launch = |name: &str, listen: &str| {
            cluster
                .launch(name, &self.operator)
                .env("RUST_LOG", "info,attune_operator=debug")
                .args([
                    "--listen",
                    listen,
                    "--insecure-bundles",
                    "--at",
                    AT,
                    "--watch-namespace",
                    namespace,
                ])
                .args(flags.iter().copied())
        };
        self.spawn(&format!("operator-{namespace}"), launch)
    }

    /// An operator of the whole cluster, without waiting for it.
    pub(crate) fn launch_cluster_operator(&self, cluster: &ControlPlane, name: &str) -> Result<Server> {
        let launch = |name: &str, listen: &str| {
            let launch = cluster.launch(name, &self.operator);
            launch.args(["--listen", listen, "--insecure-bundles", "--at", AT])
        };
        self.spawn(&format!("operator-{name}"), launch)
    }

    /// An operator of one namespace, once it has compiled everything.
    pub(crate) async fn operator(
        &self,
        cluster: &ControlPlane,
        namespace: &str,
        flags: &[&str],
    ) -> Result<Server> {
        let mut operator = self.launch_operator(cluster, namespace, flags)?;
        operator.is_ready().await?;
        Ok(operator)
    }

    /// A decider of the Channel `web`, without waiting for its bundle.
    pub(crate) fn launch_decider(
        &self,
        cluster: &ControlPlane,
        namespace: &str,
        id: &str,
        operator: &Server,
    ) -> Result<Server> {
        self.launch_decider_with(cluster, namespace, id, operator, &[])
    }

    /// The same with more flags.
    pub(crate) fn launch_decider_with(
        &self,
        cluster: &ControlPlane,
        namespace: &str,
        id: &str,
        operator: &Server,
        flags: &[&str],
    ) -> Result<Server> {
        let offset = clock_offset()?;
        let launch = |name: &str, listen: &str| {
            Launch::new(name, &self.decider, &cluster.logs())
                .args(["--listen", listen, "--operator", &operator.url])
                .args(["--namespace", namespace, "--channel", "web", "--id", id])
                .arg(format!("--clock-offset={offset}"))
                .args(flags.iter().copied())
        };
        self.spawn(&format!("decider-{namespace}-{id}"), launch)
    }

    /// A decider of the Channel `web`, once it has a bundle.
    pub(crate) async fn decider(
        &self,
        cluster: &ControlPlane,
        namespace: &str,
        id: &str,
        operator: &Server,
    ) -> Result<Server> {
        let mut decider = self.launch_decider(cluster, namespace, id, operator)?;
        decider.is_ready().await?;
        Ok(decider)
    }

    /// A collector on a directory of its own.
    pub(crate) async fn collector(&self, cluster: &ControlPlane, namespace: &str) -> Result<Server> {
        let data = cluster.logs().join(format!("collector-{namespace}"));
        let launch = |name: &str, listen: &str| {
            Launch::new(name, &self.collector, &cluster.logs())
                .args(["--listen", listen, "--data"])
                .arg(data.display().to_string())
        };
        let collector = self.spawn(&format!("collector-{namespace}"), launch)?;
        wait_until("the collector listens", PATIENCE, async || {
            collector.get("/").await.map(drop)
        })
        .await?;
        Ok(collector)
    }

    pub(crate) fn spawn(&self, name: &str, launch: impl FnOnce(&str, &str) -> Launch) -> Result<Server> {
        let port = Port::take()?;
        let address = format!("127.0.0.1:{}", port.number());
        Ok(Server {
            process: Process::spawn(launch(name, &address))?,
            url: format!("http://{address}"),
            http: self.http.clone(),
            _port: port,
        })
    }
}

/// A running program that answers by HTTP.
pub(crate) struct Server {
    process: Process,
    /// Its base URL.
    pub(crate) url: String,
    http: reqwest::Client,
    _port: Port,
}

impl Server {
    /// Asks, and gives the status and the text of the answer.
    pub(crate) async fn get(&self, path: &str) -> Result<(u16, String)> {
        let response = self.http.get(format!("{}{path}", self.url)).send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// Waits for another bundle than the known one; gives its revision, or nothing where there is none yet.
    pub(crate) async fn poll(&self, path: &str, known: &str) -> Result<Option<String>> {
        let request = self.http.get(format!("{}{path}", self.url));
        let response = request
            .header("if-none-match", format!("\"{known}\""))
            .send()
            .await?;
        if response.status().as_u16() == 304 {
            return Ok(None);
        }
        let response = response.error_for_status()?;
        let revision = response
            .headers()
            .get("etag")
            .context("no entity tag")?
            .to_str()?;
        let revision = revision.trim_matches('"').to_owned();
        response.bytes().await?;
        Ok(Some(revision))
    }

    /// Sends a document, and gives the status and the document of the answer.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<(u16, Value)> {
        let request = self.http.post(format!("{}{path}", self.url)).json(body);
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let document = serde_json::from_str(&text).with_context(|| format!("{status} {text}"))?;
        Ok((status, document))
    }

    /// Waits until it says that it can serve.
    pub(crate) async fn is_ready(&mut self) -> Result<()> {
        let what = format!("`{}` is ready", self.process.name());
        wait_until(&what, PATIENCE, async || {
            let (status, text) = self.get("/readyz").await?;
            ensure!(status == 200, "{status} {}", text.trim());
            Ok(())
        })
        .await
        .inspect_err(|_| {
            // Better told here than by the next question.
            if let Err(error) = self.process.ensure_running() {
                eprintln!("{error:#}");
            }
        })
    }

    /// Fails when it has ended.
    pub(crate) fn ensure_running(&mut self) -> Result<()> {
        self.process.ensure_running()
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> Result<String> {
        std::fs::read_to_string(self.process.log()).context("read the log")
    }

    /// Asks it to end, and says how it ended; one that has to be killed is in the status.
    pub(crate) async fn stop(&mut self) -> Result<ExitStatus> {
        self.process.stop(GRACE).await
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        self.process.kill().await.map(drop)
    }

    /// Starts it again on the same address with the same arguments.
    pub(crate) fn start_again(&mut self) -> Result<()> {
        self.process.start_again()
    }

    /// The samples of `/metrics`, by name with labels.
    pub(crate) async fn metrics(&self) -> Result<BTreeMap<String, f64>> {
        let (status, text) = self.get("/metrics").await?;
        ensure!(status == 200, "{status} {text}");
        ensure!(text.ends_with("# EOF\n"), "the text is cut off:\n{text}");
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| {
                let (name, value) = line
                    .rsplit_once(' ')
                    .with_context(|| format!("`{line}` has no value"))?;
                let value = value.parse().with_context(|| format!("`{line}` has no number"))?;
                Ok((name.to_owned(), value))
            })
            .collect()
    }

    /// What a decider answers at `home-hero` to this unit, as a member who buys much.
    pub(crate) async fn decide(&self, unit: &str) -> Result<Answer> {
        let context = json!({
            "targetingKey": unit,
            "consent": ["personalization"],
            "user": {"tier": "gold", "spend90d": 300.0},
        });
        let path = "/ofrep/v1/evaluate/flags/home-hero";
        let (status, document) = self.post(path, &json!({"context": context})).await?;
        ensure!(status == 200, "{status} {document}");
        Answer::read(&document)
    }
}

/// What tests look at in a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) variant: String,
    pub(crate) headline: String,
    pub(crate) reason: String,
    pub(crate) revision: String,
}

impl Answer {
    fn read(document: &Value) -> Result<Self> {
        let text = |pointer: &str| {
            let value = document.pointer(pointer).and_then(Value::as_str);
            value
                .map(str::to_owned)
                .with_context(|| format!("no {pointer} in {document}"))
        };
        Ok(Self {
            variant: text("/variant")?,
            headline: text("/value/headline")?,
            reason: text("/metadata/attune.reason")?,
            revision: text("/metadata/attune.revision")?,
        })
    }

    /// The same but for the revision.
    pub(crate) fn says(&self) -> (&str, &str, &str) {
        (&self.variant, &self.headline, &self.reason)
    }
}
