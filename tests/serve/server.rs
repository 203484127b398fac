//! A server in the test's own process, on ports that the system chose.

use crate::bodies::{NETWORKS, kubevirt, object};
use crate::pki::Ca;
use kubevirt_preflight::networks::declared::Declared;
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::serve::judge::{Judge, Reread};
use kubevirt_preflight::serve::limits::Limits;
use kubevirt_preflight::serve::metrics::Metrics;
use kubevirt_preflight::serve::telemetry::Telemetry;
use kubevirt_preflight::serve::tls::{self, Client, Files, Tls};
use kubevirt_preflight::serve::{Addresses, Server, Sources, Stopping};
use kubevirt_preflight::world::{Inputs, World};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// The name that the server's certificate is for.
pub const NAME: &str = "preflight.kubevirt.svc";

/// How to start; the defaults do for most.
pub struct Options {
    pub limits: Limits,
    pub stopping: Stopping,
    pub client: Option<Client>,
    pub reread: Option<Reread>,
    pub synced: bool,
    pub telemetry: Option<Telemetry>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            stopping: Stopping { drain_delay: Duration::ZERO, grace: Duration::from_secs(10) },
            client: None,
            reread: None,
            synced: true,
            telemetry: None,
        }
    }
}

/// A running server.
pub struct Running {
    pub addresses: Addresses,
    pub ca: Ca,
    /// Holds `tls.crt` and `tls.key`.
    pub folder: TempDir,
    pub files: Files,
    pub judge: watch::Sender<Option<Arc<Judge>>>,
    pub tls: watch::Sender<Option<Arc<Tls>>>,
    pub metrics: Arc<Metrics>,
    stop: mpsc::Sender<&'static str>,
    handle: JoinHandle<bool>,
}

/// A cluster whose KubeVirt names the NAD `kubevirt/mig`, which does not exist yet.
pub fn judge() -> Arc<Judge> {
    let objects = vec![object(&kubevirt("mig", 1, 0, 0))];
    let declared = Declared::parse(NETWORKS, "cluster.yaml").unwrap();
    Arc::new(Judge { world: World::of(Inputs { objects, declared, ..Inputs::default() }), policy: Policy::default() })
}

impl Running {
    pub async fn start(options: Options) -> Self {
        let (ca, folder) = (Ca::new("test CA"), tempfile::tempdir().unwrap());
        ca.server(NAME).write(folder.path());
        let path = |name| folder.path().join(name);
        let files = Files { cert: path("tls.crt"), key: path("tls.key"), client: options.client };
        let (tls, tls_receiver) = watch::channel(None);
        let (judge, judge_receiver) = watch::channel(options.synced.then(judge));
        let metrics = Arc::new(Metrics::default());
        tls::publish(&tls, files.load().unwrap(), &metrics);
        let sources = Sources {
            judge: judge_receiver,
            tls: tls_receiver,
            reread: options.reread,
            metrics: Arc::clone(&metrics),
            telemetry: options.telemetry,
            denials: None,
        };
        let any = "127.0.0.1:0".parse().unwrap();
        let addresses = Addresses { bind: any, observe: any };
        let server = Server::bind(addresses, sources, options.limits, options.stopping).await.unwrap();
        let addresses = server.addresses().unwrap();
        let (stop, stopped) = mpsc::channel(8);
        let running = tokio::spawn(server.run(stopped));
        Self { addresses, ca, folder, files, judge, tls, metrics, stop, handle: running }
    }

    /// Begins to stop; the handle ends with whether everything ended in order.
    pub fn stop(self) -> JoinHandle<bool> {
        self.signal();
        tokio::spawn(self.ended())
    }

    /// Waits for the end of a server that was told to stop: whether everything ended in order.
    pub async fn ended(self) -> bool {
        // All else is kept until then: without a sender there are no more signals.
        let Self { handle, stop, judge, tls, folder, .. } = self;
        let ended = handle.await.unwrap();
        drop((stop, judge, tls, folder));
        ended
    }

    /// Sends the server a signal to stop.
    pub fn signal(&self) {
        self.stop.try_send("the test").unwrap();
    }

    /// Follows the certificate's files from here on, in a quick rhythm.
    pub fn follow(&self) {
        let (tls, metrics) = (self.tls.clone(), Arc::clone(&self.metrics));
        tokio::spawn(tls::follow(self.files.clone(), tls, Duration::from_millis(50), metrics));
    }

    /// Waits until the metric line that begins with `series` has this value.
    pub async fn until(&self, series: &str, value: f64) {
        let mut last = None;
        for _ in 0..1_000 {
            last = self.metric(series);
            if last == Some(value) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{series} is {last:?}, not {value}");
    }

    /// The value of the metric line that begins with `series`.
    pub fn metric(&self, series: &str) -> Option<f64> {
        let text = self.metrics.text();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map(|value| value.parse().unwrap())
    }
}
