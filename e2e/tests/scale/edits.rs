//! The way of an edit, from `kubectl apply` to whoever serves it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use attune_e2e::{ControlPlane, Launch, Port, Process, Strategy, wait_until};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::Programs;
use crate::operator::Operator;

/// How long one edit may be on its way.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the decider is asked.
const STEP: Duration = Duration::from_millis(2);

/// Time between edits, so that each goes its way alone.
const PAUSE: Duration = Duration::from_millis(300);

/// How long each edit took.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// The time that so many percent of them did not exceed.
    pub(crate) fn quantile(&self, percent: usize) -> Duration {
        let last = self.0.len().saturating_sub(1);
        // The nearest rank.
        let place = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(place.min(last)).copied().unwrap_or_default()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// Edits a strategy, over and over. Without simulated deciders a real one is asked; with them, the last of them counts.
pub(crate) async fn measure(
    cluster: &ControlPlane,
    programs: &Programs,
    operator: &Operator,
    edits: usize,
    simulated: usize,
) -> Result<Times> {
    let namespace = cluster.create_namespace().await?;
    let mut strategy = Strategy::new(cluster, &namespace)?;
    strategy.apply().await?;
    let mut served = if simulated == 0 {
        Served::Real(Decider::start(cluster, programs, operator, &namespace).await?)
    } else {
        Served::Simulated(Pollers::start(operator, &namespace, simulated).await?)
    };
    let mut times = Vec::new();
    for number in 0..edits {
        let headline = format!("Headline {number}");
        strategy.edit("ContentModule", "hero", |module| {
            let variants = module["spec"]["variants"].as_array_mut().context("variants")?;
            let loyal = variants.iter_mut().find(|variant| variant["name"] == "loyal");
            loyal.context("a variant `loyal`")?["content"]["headline"] = Value::from(headline.as_str());
            Ok(())
        })?;
        let began = Instant::now();
        strategy.apply_one("ContentModule", "hero").await?;
        let served_at = served
            .by_all(&headline)
            .await
            .with_context(|| format!("edit {number}"))?;
        times.push(served_at.saturating_duration_since(began));
        tokio::time::sleep(PAUSE).await;
    }
    times.sort();
    Ok(Times(times))
}

enum Served {
    Real(Decider),
    Simulated(Pollers),
}

impl Served {
    /// Waits until all serve the edit; gives when the last began to.
    async fn by_all(&mut self, headline: &str) -> Result<Instant> {
        match self {
            Self::Real(decider) => decider.says(headline).await,
            Self::Simulated(pollers) => pollers.all_have_another().await,
        }
    }
}

/// A decider as users run it.
struct Decider {
    _process: Process,
    url: String,
    http: reqwest::Client,
    _port: Port,
}

impl Decider {
    async fn start(
        cluster: &ControlPlane,
        programs: &Programs,
        operator: &Operator,
        namespace: &str,
    ) -> Result<Self> {
        let port = Port::take()?;
        let address = format!("127.0.0.1:{}", port.number());
        let launch = Launch::new("decider", &programs.decider, &cluster.logs())
            .args(["--listen", &address, "--operator", &operator.url])
            .args(["--namespace", namespace, "--channel", "web", "--id", "one"]);
        let decider = Self {
            _process: Process::spawn(launch)?,
            url: format!("http://{address}/ofrep/v1/evaluate/flags/home-hero"),
            http: operator.http.clone(),
            _port: port,
        };
        wait_until("the decider decides", PATIENCE, async || decider.headline().await).await?;
        Ok(decider)
    }

    async fn headline(&self) -> Result<String> {
        let user = json!({"tier": "gold", "spend90d": 300.0});
        let context = json!({"targetingKey": "member-1", "consent": ["personalization"], "user": user});
        let request = self.http.post(&self.url).json(&json!({"context": context}));
        let answer: Value = request.send().await?.error_for_status()?.json().await?;
        let headline = answer["value"]["headline"].as_str();
        headline.map(str::to_owned).with_context(|| answer.to_string())
    }

    async fn says(&self, headline: &str) -> Result<Instant> {
        let deadline = Instant::now() + PATIENCE;
        while self.headline().await? != headline {
            ensure!(Instant::now() < deadline, "the decider says something else");
            tokio::time::sleep(STEP).await;
        }
        Ok(Instant::now())
    }
}

/// Callers that poll for bundles as deciders do.
struct Pollers {
    tasks: JoinSet<Result<()>>,
    /// When one has a bundle of another revision.
    arrivals: mpsc::UnboundedReceiver<Instant>,
    count: usize,
}

impl Pollers {
    async fn start(operator: &Operator, namespace: &str, count: usize) -> Result<Self> {
        let (sender, arrivals) = mpsc::unbounded_channel();
        let url: Arc<str> = format!("{}/v1/bundles/{namespace}/web", operator.url).into();
        let mut tasks = JoinSet::new();
        wait_until("there is a bundle", PATIENCE, async || {
            operator.http.get(&*url).send().await?.error_for_status()?;
            Ok(())
        })
        .await?;
        for number in 0..count {
            let url = format!("{url}?wait=55s&decider=simulated-{number}");
            // A connection of its own each, as from a pod of its own.
            let http = reqwest::Client::builder()
                .timeout(Duration::from_secs(70))
                .build()?;
            tasks.spawn(poll(http, url, sender.clone()));
        }
        let mut pollers = Self {
            tasks,
            arrivals,
            count,
        };
        pollers.all_have_another().await.context("the first bundle")?;
        wait_until("all of them wait", PATIENCE, async || {
            let current = operator
                .metric("attune_operator_deciders{state=\"current\"}")
                .await?;
            ensure!(current >= count, "{current} are current");
            Ok(())
        })
        .await?;
        Ok(pollers)
    }

    async fn all_have_another(&mut self) -> Result<Instant> {
        let mut last = None;
        for number in 0..self.count {
            tokio::select! {
                arrived = tokio::time::timeout(PATIENCE, self.arrivals.recv()) => {
                    let arrived = arrived.with_context(|| format!("{number} of {} have it", self.count))?;
                    last = arrived.max(last);
                }
                Some(ended) = self.tasks.join_next() => {
                    ended??;
                    bail!("a poller ended");
                }
            }
        }
        last.context("nobody polls")
    }
}

async fn poll(http: reqwest::Client, url: String, arrived: mpsc::UnboundedSender<Instant>) -> Result<()> {
    let mut known = String::new();
    loop {
        let response = http.get(&url).header("if-none-match", &known).send().await?;
        if response.status().as_u16() == 304 {
            continue;
        }
        let response = response.error_for_status()?;
        known = response
            .headers()
            .get("etag")
            .context("no entity tag")?
            .to_str()?
            .to_owned();
        response.bytes().await?;
        if arrived.send(Instant::now()).is_err() {
            return Ok(());
        }
    }
}
