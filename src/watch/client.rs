//! The way to the API server.

use axum::http::Request;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::path::PathBuf;
use std::time::Duration;

/// To open a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// To send a request.
const WRITE: Duration = Duration::from_secs(10);

/// Which cluster, and as whom.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// A kubeconfig in place of the usual ones.
    pub kubeconfig: Option<PathBuf>,
    /// A context of it in place of its current one.
    pub context: Option<String>,
    /// How long an answer may pause; left out, as long as it likes: a watch is silent for minutes.
    pub pause: Option<Duration>,
}

/// Why there is no way to a cluster.
#[derive(Debug, thiserror::Error)]
pub enum NoCluster {
    /// No Pod, and no kubeconfig that can be used.
    #[error("there is no way to a cluster: {0}; name a kubeconfig by --kubeconfig FILE, or set KUBECONFIG")]
    Kubeconfig(#[source] kube::config::KubeconfigError),
    /// In a Pod whose token or CA cannot be read.
    #[error("the Pod's service account cannot be used: {0}; mount its token and CA, or name a --kubeconfig")]
    Pod(#[source] kube::config::InClusterError),
    /// What they say cannot be used.
    #[error("the connection to the API server cannot be set up: {0}")]
    Client(#[source] kube::Error),
}

impl Access {
    /// A client: of the kubeconfig that is named, else of the Pod it runs in, else of the usual kubeconfig.
    pub async fn client(&self) -> Result<Client, NoCluster> {
        // The process may have none yet; then ring is the one that everything here uses.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = self.config().await?;
        config.connect_timeout = Some(CONNECT);
        config.write_timeout = Some(WRITE);
        config.read_timeout = self.pause;
        // Who asks has its own pauses, and says what failed.
        config.default_retry = false;
        Client::try_from(config).map_err(NoCluster::Client)
    }

    async fn config(&self) -> Result<Config, NoCluster> {
        let in_pod = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
        if in_pod && self.kubeconfig.is_none() && self.context.is_none() {
            return Config::incluster().map_err(NoCluster::Pod);
        }
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let config = match &self.kubeconfig {
            Some(file) => match Kubeconfig::read_from(file) {
                Ok(read) => Config::from_custom_kubeconfig(read, &options).await,
                Err(error) => Err(error),
            },
            None => Config::from_kubeconfig(&options).await,
        };
        config.map_err(NoCluster::Kubeconfig)
    }
}

/// A GET of this path and query.
pub(super) fn get(path: &str) -> Result<Request<Vec<u8>>, Failure> {
    Request::get(path).body(Vec::new()).map_err(|error| Failure::Other(error.to_string()))
}

/// Why the API server gave no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// 404: no such path or object.
    #[error("it does not exist")]
    NotFound,
    /// 401 or 403, with the server's own words.
    #[error("the API server refuses: {0}")]
    Forbidden(String),
    /// 410, or a version from the future: the place in the history is gone.
    #[error("the list is too old to go on from")]
    Gone,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// By the HTTP status.
    pub(super) fn of(code: u16, message: &str) -> Self {
        match code {
            404 => Self::NotFound,
            401 | 403 => Self::Forbidden(message.to_owned()),
            410 => Self::Gone,
            _ => Self::Other(format!("the API server answers with {code}: {message}")),
        }
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of(status.code, &status.message),
            error => {
                // The outermost text often says only that a service failed.
                let mut words = error.to_string();
                let mut source = std::error::Error::source(&error);
                while let Some(inner) = source {
                    let inner_words = inner.to_string();
                    if !words.contains(&inner_words) {
                        words = format!("{words}: {inner_words}");
                    }
                    source = inner.source();
                }
                Self::Other(words)
            }
        }
    }
}
