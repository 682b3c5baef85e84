//! What to ask, and how to reach who answers.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use http::{HeaderName, HeaderValue, Method};
use reqwest::{Certificate, Client, ClientBuilder};

/// One request, perhaps to be sent many times.
#[derive(Clone, Debug, Args)]
pub(crate) struct Request {
    /// Where to; `{n}` in it stands for the request's number.
    pub(crate) url: String,
    /// By default POST where there is data, else GET.
    #[arg(long)]
    method: Option<Method>,
    /// The body, as JSON unless a header says otherwise; `{n}` in it stands for the request's number.
    #[arg(long)]
    data: Option<String>,
    /// `Name: value`; as often as wanted.
    #[arg(long = "header", value_name = "HEADER", value_parser = parse_header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// A file with a token to send as `Authorization: Bearer`, read for each request: such tokens are renewed.
    #[arg(long)]
    bearer_file: Option<PathBuf>,
    /// A file with the certificates in PEM that the server's must be signed by.
    #[arg(long)]
    ca_file: Option<PathBuf>,
    /// How long one answer may take, in milliseconds.
    #[arg(long, default_value_t = 5000)]
    timeout: u64,
    /// Opens a connection for each request.
    #[arg(long)]
    fresh: bool,
}

/// An answer, whatever it was.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Request {
    /// A client for any number of these.
    pub(crate) fn client(&self) -> Result<Client> {
        // It is there already where a client was made before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = ClientBuilder::new()
            .timeout(Duration::from_millis(self.timeout))
            .no_proxy();
        if self.fresh {
            builder = builder.pool_max_idle_per_host(0);
        }
        let authorities = match &self.ca_file {
            Some(file) => {
                let pem = std::fs::read(file).with_context(|| format!("read {}", file.display()))?;
                Certificate::from_pem_bundle(&pem)
                    .with_context(|| format!("{} holds no certificates", file.display()))?
            }
            None => Vec::new(),
        };
        // The image has no store of authorities: those named are all.
        builder
            .tls_certs_only(authorities)
            .build()
            .context("make a client")
    }

    /// Sends it as the request with this number.
    pub(crate) async fn send(&self, client: &Client, number: u64) -> Result<Answer> {
        let filled = |text: &str| text.replace("{n}", &number.to_string());
        let default = if self.data.is_some() {
            Method::POST
        } else {
            Method::GET
        };
        let mut request = client.request(self.method.clone().unwrap_or(default), filled(&self.url).as_str());
        if let Some(data) = &self.data {
            if !self
                .headers
                .iter()
                .any(|(name, _)| name == http::header::CONTENT_TYPE)
            {
                request = request.header(http::header::CONTENT_TYPE, "application/json");
            }
            request = request.body(filled(data));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(file) = &self.bearer_file {
            let token = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
            request = request.bearer_auth(token.trim());
        }
        let response = request.send().await.context("send the request")?;
        let status = response.status().as_u16();
        let body = response.text().await.context("read the answer")?;
        Ok(Answer { status, body })
    }

    /// Sends it once and prints the answer; another status than 2xx fails.
    pub(crate) async fn once(&self) -> Result<ExitCode> {
        let answer = self.send(&self.client()?, 0).await?;
        println!("{}", answer.body);
        if (200..300).contains(&answer.status) {
            return Ok(ExitCode::SUCCESS);
        }
        bail!("{} answers with status {}", self.url, answer.status);
    }
}

fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue)> {
    let (name, value) = text
        .split_once(':')
        .with_context(|| format!("`{text}` is no `Name: value`"))?;
    Ok((name.trim().parse()?, value.trim().parse()?))
}
