//! A receiver in process: a real server on loopback that does what a test tells it to.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use attune_core::bundle::Bundle;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum_server::tls_rustls::RustlsConfig;
use futures::StreamExt;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::certificates::authority::Identity;

/// What a receiver does with what it is sent.
#[derive(Debug, Clone)]
pub(super) enum Does {
    /// Keeps it, and names its revision.
    Takes,
    /// Keeps it, and says no more than that.
    TakesSilently,
    /// Keeps it, and never answers.
    TakesAndHangs,
    Hangs,
    /// Answers this, and asks to be left alone for so many seconds.
    Answers(u16, Option<u64>),
    /// Names another revision.
    Names(&'static str),
    /// Sends it elsewhere.
    Moves(u16, String),
    /// Ends the connection in the middle of its answer.
    BreaksOff,
    /// Answers far too much.
    Rambles,
    /// Takes it from whoever shows this `Authorization`, and answers 401 else.
    Asks(&'static str),
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[derive(Debug, Default)]
struct Desk {
    does: Mutex<BTreeMap<String, Does>>,
    requests: Mutex<Vec<Request>>,
    /// By path.
    revisions: Mutex<BTreeMap<String, String>>,
    /// What is issued next.
    tokens: Mutex<VecDeque<&'static str>>,
}

impl Desk {
    /// Keeps what was sent, and names its revision.
    fn take(&self, path: &str, headers: &HeaderMap, body: &[u8]) -> Response {
        let revision = headers["attune-revision"].to_str().unwrap().to_owned();
        // What it keeps is what it was sent.
        assert_eq!(Bundle::revision(body), revision);
        let mut revisions = self.revisions.lock().unwrap();
        revisions.insert(path.to_owned(), revision.clone());
        closing(json!({"revision": revision}).to_string())
    }
}

/// A receiver.
pub(super) struct Receiver {
    pub(super) port: u16,
    desk: Arc<Desk>,
    server: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Receiver {
    /// One without TLS.
    pub(super) async fn plain() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let desk = Arc::new(Desk::default());
        let router = router(&desk);
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, desk, server }
    }

    /// One with a certificate; `clients` has signed those of its callers, if they must show any.
    pub(super) fn with_tls(identity: &Identity, clients: Option<&Identity>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let desk = Arc::new(Desk::default());
        let server = tokio::spawn(serve(listener, identity, clients, router(&desk)));
        Self { port, desk, server }
    }

    /// The same receiver with another certificate.
    pub(super) async fn certify(&mut self, identity: &Identity) {
        self.server.abort();
        let listener = loop {
            match TcpListener::bind(("127.0.0.1", self.port)) {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        listener.set_nonblocking(true).unwrap();
        self.server = tokio::spawn(serve(listener, identity, None, router(&self.desk)));
    }

    /// Nobody listens there any more.
    pub(super) async fn stop(&mut self) {
        self.server.abort();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// One without TLS listens there again.
    pub(super) async fn start_again(&mut self) {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", self.port))
            .await
            .unwrap();
        let router = router(&self.desk);
        self.server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// From now on it does this with what comes to a path.
    pub(super) fn does(&self, path: &str, does: Does) {
        self.desk.does.lock().unwrap().insert(path.to_owned(), does);
    }

    /// What it says that it has.
    pub(super) fn has(&self, path: &str, revision: &str) {
        let mut revisions = self.desk.revisions.lock().unwrap();
        revisions.insert(path.to_owned(), revision.to_owned());
    }

    pub(super) fn revision(&self, path: &str) -> Option<String> {
        self.desk.revisions.lock().unwrap().get(path).cloned()
    }

    pub(super) fn issues(&self, tokens: &[&'static str]) {
        self.desk.tokens.lock().unwrap().extend(tokens);
    }

    /// All that came to a path, by POST.
    pub(super) fn sent(&self, path: &str) -> Vec<Request> {
        let requests = self.desk.requests.lock().unwrap();
        let is_it = |request: &&Request| request.path == path && request.method == Method::POST;
        requests.iter().filter(is_it).cloned().collect()
    }
}

fn serve_config(identity: &Identity, clients: Option<&Identity>) -> RustlsConfig {
    let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes());
    let chain: Vec<_> = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let builder = ServerConfig::builder();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            let der = CertificateDer::from_pem_slice(clients.certificate.as_bytes()).unwrap();
            roots.add(der).unwrap();
            builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
        }
    };
    RustlsConfig::from_config(Arc::new(builder.with_single_cert(chain, key).unwrap()))
}

fn serve(
    listener: TcpListener,
    identity: &Identity,
    clients: Option<&Identity>,
    router: Router,
) -> impl Future<Output = ()> + Send + 'static {
    let (identity, clients) = (identity.clone(), clients.cloned());
    async move {
        let config = serve_config(&identity, clients.as_ref());
        let server = axum_server::from_tcp_rustls(listener, config).unwrap();
        server.serve(router.into_make_service()).await.unwrap();
    }
}

fn router(desk: &Arc<Desk>) -> Router {
    Router::new().fallback(answer).with_state(Arc::clone(desk))
}

async fn answer(
    State(desk): State<Arc<Desk>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().to_owned();
    let request = Request {
        method: method.clone(),
        path: path.clone(),
        headers: headers.clone(),
        body: body.clone(),
    };
    desk.requests.lock().unwrap().push(request);
    if path == "/token" {
        return issue(&desk);
    }
    if method == Method::GET {
        let revision = desk.revisions.lock().unwrap().get(&path).cloned();
        return closing(json!({"revision": revision}).to_string());
    }
    let does = desk
        .does
        .lock()
        .unwrap()
        .get(&path)
        .cloned()
        .unwrap_or(Does::Takes);
    do_it(does, &headers, || desk.take(&path, &headers, &body)).await
}

async fn do_it(does: Does, headers: &HeaderMap, take: impl Fn() -> Response) -> Response {
    match does {
        Does::Takes => take(),
        Does::TakesSilently => {
            take();
            closing(String::new())
        }
        Does::TakesAndHangs => {
            take();
            std::future::pending().await
        }
        Does::Hangs => std::future::pending().await,
        Does::Answers(status, retry_after) => {
            let status = StatusCode::from_u16(status).unwrap();
            let mut response = (status, "a secret of the receiver").into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert("retry-after", seconds.into());
            }
            response
        }
        Does::Names(revision) => closing(json!({"revision": revision}).to_string()),
        Does::Moves(status, to) => {
            (StatusCode::from_u16(status).unwrap(), [("location", to)]).into_response()
        }
        Does::BreaksOff => {
            let chunks = [Ok(Bytes::from("{\"revision\":")), Err("broken")];
            // The first is out before the second breaks it off.
            let chunks = futures::stream::iter(chunks).then(async |chunk| {
                tokio::time::sleep(Duration::from_millis(100)).await;
                chunk
            });
            Response::new(Body::from_stream(chunks))
        }
        Does::Rambles => {
            let chunk = Bytes::from(vec![b' '; 32 * 1024]);
            let chunks = futures::stream::iter((0..10).map(move |_| Ok::<_, Infallible>(chunk.clone())));
            Response::new(Body::from_stream(chunks))
        }
        Does::Asks(authorization) if headers.get("authorization").is_some_and(|it| it == authorization) => {
            take()
        }
        Does::Asks(_) => StatusCode::UNAUTHORIZED.into_response(),
    }
}

fn issue(desk: &Desk) -> Response {
    match desk.tokens.lock().unwrap().pop_front() {
        Some(token) => {
            closing(json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600}).to_string())
        }
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// Each request comes over a connection of its own, so that names are resolved and certificates looked at each time.
fn closing(body: String) -> Response {
    let headers = [("connection", "close"), ("content-type", "application/json")];
    (headers, body).into_response()
}
