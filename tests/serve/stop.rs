//! The orderly end, in process and of the real program.

use crate::bodies::{nad, review as body};
use crate::client::{Sender, review};
use crate::pki::Ca;
use crate::process::{Folder, Process};
use crate::raw::{LONG, Raw, get, head, request};
use crate::server::{Options, Running};
use crate::wire::{bad, good};
use kubevirt_preflight::serve::Stopping;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const IN_FLIGHT: &str = r#"controller_runtime_webhook_requests_in_flight{webhook="/validate"}"#;

async fn stoppable(drain_delay: Duration, grace: Duration) -> Running {
    Running::start(Options { stopping: Stopping { drain_delay, grace }, ..Options::default() }).await
}

async fn until_ready_is(address: SocketAddr, status: u16) {
    let changed = async {
        while get(address, "/readyz").await != Some(status) {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(LONG, changed).await.unwrap();
}

async fn until_refused(address: SocketAddr) {
    let closed = async {
        while TcpStream::connect(address).await.is_ok() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(LONG, closed).await.unwrap();
}

#[tokio::test]
async fn during_the_drain_delay_clients_are_answered_and_sent_away() {
    let running = stoppable(LONG, LONG).await;
    let (bind, observe) = (running.addresses.bind, running.addresses.observe);
    assert_eq!(get(observe, "/readyz").await, Some(200));
    let (mut old, mut h2) = (Raw::to(&running).await, Sender::to(&running, "h2").await);
    old.send(request(&good())).await;
    assert!(!old.hear().await.unwrap().has("connection: close"));
    assert_eq!(h2.post(good()).await.unwrap().status, 200);
    running.signal();
    until_ready_is(observe, 503).await;
    assert_eq!(get(observe, "/livez").await, Some(200));
    assert_eq!(get(observe, "/metrics").await, Some(200));
    // HTTP/1.1: verdicts, each the last of its connection; new connections are taken all the same.
    for mut raw in [old, Raw::to(&running).await] {
        raw.send(request(&bad())).await;
        let heard = raw.hear().await.unwrap();
        assert_eq!((heard.status, &heard.body["response"]["allowed"]), (200, &json!(false)));
        assert!(heard.has("connection: close"), "{heard:?}");
        raw.is_ended().await;
    }
    // HTTP/2: GOAWAY to the old connection, and to a new one when it has been answered.
    let Sender::Http2(mut sender) = h2 else { panic!("not HTTP/2") };
    let gone = async { while sender.ready().await.is_ok() {} };
    timeout(LONG, gone).await.expect("no GOAWAY");
    let mut h2 = Sender::to(&running, "h2").await;
    let answer = h2.post(bad()).await.unwrap();
    assert_eq!(answer.body["response"]["allowed"], json!(false));
    assert!(!answer.headers.contains_key("connection"));
    running.signal();
    until_refused(bind).await;
    assert!(timeout(LONG, running.ended()).await.unwrap());
}

#[tokio::test]
async fn what_is_in_flight_is_finished_and_nothing_else_is_begun() {
    let running = stoppable(LONG, LONG).await;
    let bind = running.addresses.bind;
    let [mut idle, mut in_body, mut in_head] =
        [Raw::to(&running).await, Raw::to(&running).await, Raw::to(&running).await];
    idle.send(request(&good())).await;
    assert_eq!(idle.hear().await.unwrap().status, 200);
    in_body.send(head("timeout=20s", &format!("content-length: {}\r\n", bad().len()))).await;
    running.until(IN_FLIGHT, 1.0).await;
    in_body.send(&bad()[..9]).await;
    in_head.send("POST /validate HTTP/1.1\r\nhost: x\r\n").await;
    running.signal();
    running.signal();
    until_refused(bind).await;
    idle.is_ended().await;
    in_head.send(format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n", good().len())).await;
    in_head.send(good()).await;
    let heard = in_head.hear().await.unwrap();
    assert_eq!((heard.status, &heard.body["code"]), (503, &json!(503)), "{heard:?}");
    assert!(heard.has("retry-after: 1") && heard.has("connection: close"), "{heard:?}");
    in_body.send(&bad()[9..]).await;
    let heard = in_body.hear().await.unwrap();
    assert_eq!((heard.status, &heard.body["response"]["allowed"]), (200, &json!(false)), "{heard:?}");
    assert!(heard.has("connection: close"), "{heard:?}");
    assert!(timeout(LONG, running.ended()).await.unwrap());
}

#[tokio::test]
async fn a_connection_that_was_opened_just_before_the_end_is_told() {
    let running = stoppable(Duration::ZERO, LONG).await;
    let [mut asking, mut silent] = [Raw::to(&running).await, Raw::to(&running).await];
    running.until("kubevirt_preflight_connections", 2.0).await;
    running.signal();
    until_refused(running.addresses.bind).await;
    assert!(asking.is_open(Duration::from_millis(200)).await);
    asking.send(request(&good())).await;
    let heard = asking.hear().await.expect("closed without an answer");
    assert!(heard.status == 503 && heard.has("retry-after: 1") && heard.has("connection: close"), "{heard:?}");
    silent.is_ended().await;
    assert!(timeout(LONG, running.ended()).await.unwrap());
}

#[tokio::test]
async fn who_never_ends_is_cut_off() {
    let running = stoppable(Duration::ZERO, Duration::from_millis(300)).await;
    let mut raw = Raw::to(&running).await;
    raw.send(head("timeout=30s", "content-length: 100\r\n")).await;
    running.until(IN_FLIGHT, 1.0).await;
    running.signal();
    let began = Instant::now();
    raw.is_ended().await;
    assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(!timeout(LONG, running.ended()).await.unwrap());
}

fn no_drain_delay(grace: &'static str) -> [&'static str; 4] {
    ["--drain-delay", "0s", "--grace", grace]
}

async fn raw_to(process: &Process) -> Raw {
    let config = crate::client::config(process.folder.ca.der(), "http/1.1", None);
    Raw::over(crate::client::connect(process.bind, config, crate::server::NAME).await.unwrap())
}

#[tokio::test]
async fn the_program_ends_well_when_all_is_answered() {
    let mut process = Folder::new().start(&["--drain-delay", "60s", "--grace", "20s"], &[]);
    let (mut idle, mut raw) = (process.sender().await, raw_to(&process).await);
    assert_eq!(idle.post(good()).await.unwrap().status, 200);
    raw.send(head("timeout=20s", &format!("content-length: {}\r\n", good().len()))).await;
    raw.send(&good()[..9]).await;
    process.terminate();
    until_ready_is(process.observe, 503).await;
    assert_eq!(get(process.observe, "/livez").await, Some(200));
    assert_eq!(process.sender().await.post(good()).await.unwrap().headers["connection"], "close");
    // The second ends the delay.
    process.terminate();
    until_refused(process.bind).await;
    raw.send(&good()[9..]).await;
    assert_eq!(raw.hear().await.unwrap().status, 200);
    assert_eq!(process.exit(Duration::from_secs(10)).await.code(), Some(0));
}

#[tokio::test]
async fn the_program_says_when_it_had_to_cut_off() {
    let mut process = Folder::new().start(&no_drain_delay("300ms"), &[]);
    let mut raw = raw_to(&process).await;
    raw.send(head("timeout=30s", "expect: 100-continue\r\ncontent-length: 100\r\n")).await;
    // The request is in flight.
    assert_eq!(raw.hear().await.unwrap().status, 100);
    process.terminate();
    assert_eq!(process.exit(Duration::from_secs(10)).await.code(), Some(1));
    raw.is_ended().await;
}

mod rolling {
    //! Restarts under load, behind what a Service is to a client.

    use super::*;
    use crate::client::{config, connect};
    use crate::server::NAME;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
    use std::sync::{Arc, Mutex};
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    const CLIENTS: usize = 16;

    /// One of the addresses behind the Service.
    struct Endpoint {
        bind: SocketAddr,
        is_ready: AtomicBool,
    }

    /// Chooses an endpoint for each new connection, among those whose probe said ready.
    struct Chooser {
        address: SocketAddr,
        endpoints: Mutex<Vec<Arc<Endpoint>>>,
    }

    impl Chooser {
        async fn start() -> Arc<Self> {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let chooser = Arc::new(Self { address, endpoints: Mutex::default() });
            tokio::spawn(Arc::clone(&chooser).run(listener));
            chooser
        }

        async fn run(self: Arc<Self>, listener: TcpListener) {
            for count in 0.. {
                let (mut client, _) = listener.accept().await.unwrap();
                let ready: Vec<_> =
                    self.endpoints.lock().unwrap().iter().filter(|e| e.is_ready.load(SeqCst)).cloned().collect();
                assert!(!ready.is_empty(), "no endpoint is ready");
                let bind = ready[count % ready.len()].bind;
                tokio::spawn(async move {
                    if let Ok(mut server) = TcpStream::connect(bind).await {
                        client.set_nodelay(true).unwrap();
                        server.set_nodelay(true).unwrap();
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        }

        /// Adds an endpoint, probed every 100 ms, and waits until it is ready.
        async fn add(&self, process: &Process) {
            let endpoint = Arc::new(Endpoint { bind: process.bind, is_ready: AtomicBool::new(false) });
            self.endpoints.lock().unwrap().push(Arc::clone(&endpoint));
            let (observe, probed) = (process.observe, Arc::clone(&endpoint));
            tokio::spawn(async move {
                loop {
                    probed.is_ready.store(get(observe, "/readyz").await == Some(200), SeqCst);
                    sleep(Duration::from_millis(100)).await;
                }
            });
            while !endpoint.is_ready.load(SeqCst) {
                sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// What the clients met.
    #[derive(Default)]
    struct Tally {
        answered: AtomicU64,
        retried: AtomicU64,
        dialled: AtomicU64,
        failed: Mutex<Vec<String>>,
        is_over: AtomicBool,
    }

    impl Tally {
        fn fail(&self, why: String) {
            self.failed.lock().unwrap().push(why);
        }

        /// Asks as kube-apiserver does: a pooled connection, a new one if that has ended, a POST sent once and no more,
        /// and again only if the answer says when.
        async fn ask(&self, address: SocketAddr, ca: Arc<Ca>) {
            let mut pooled: Option<Sender> = None;
            while !self.is_over.load(SeqCst) {
                let mut sender = match pooled.take() {
                    Some(sender) => sender,
                    None => match connect(address, config(ca.der(), "http/1.1", None), NAME).await {
                        Ok(stream) => {
                            self.dialled.fetch_add(1, SeqCst);
                            Sender::over(stream).await
                        }
                        Err(error) => return self.fail(error.to_string()),
                    },
                };
                let fresh = body("CREATE", nad("192.168.150.0/24"), Value::Null);
                match sender.send(review(fresh, "timeout=2s")).await {
                    Ok(answer) if answer.status == 200 && answer.body["response"]["allowed"] == json!(true) => {
                        self.answered.fetch_add(1, SeqCst);
                        pooled = Some(sender);
                    }
                    Ok(answer) if answer.headers.contains_key("retry-after") => {
                        self.retried.fetch_add(1, SeqCst);
                        sleep(Duration::from_secs(1)).await;
                    }
                    Ok(answer) => return self.fail(format!("{answer:?}")),
                    // Nothing of it was sent: the connection had ended before.
                    Err(error) if error.is_canceled() || error.is_closed() => {}
                    Err(error) => return self.fail(format!("{error:?}")),
                }
                sleep(Duration::from_millis(5)).await;
            }
        }
    }

    async fn replica(ca: &Arc<Ca>, chooser: &Chooser) -> Process {
        let folder = Folder::of(Arc::clone(ca));
        // The load goes on meanwhile.
        let process = tokio::task::block_in_place(|| folder.start(&["--drain-delay", "1s", "--grace", "10s"], &[]));
        chooser.add(&process).await;
        process
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn not_one_request_is_lost_over_a_rolling_restart() {
        let (ca, chooser, tally) = (Arc::new(Ca::new("CA")), Chooser::start().await, Arc::new(Tally::default()));
        let mut replicas = vec![replica(&ca, &chooser).await, replica(&ca, &chooser).await];
        let client = |_| {
            let (tally, ca, address) = (Arc::clone(&tally), Arc::clone(&ca), chooser.address);
            tokio::spawn(async move { tally.ask(address, ca).await })
        };
        let clients: Vec<JoinHandle<()>> = (0..CLIENTS).map(client).collect();
        for _ in 0..2 {
            let before = tally.answered.load(SeqCst);
            let mut old = replicas.remove(0);
            old.terminate();
            assert_eq!(old.exit(Duration::from_secs(15)).await.code(), Some(0));
            replicas.push(replica(&ca, &chooser).await);
            assert!(tally.answered.load(SeqCst) > before + 100, "there was no load");
        }
        tally.is_over.store(true, SeqCst);
        for client in clients {
            client.await.unwrap();
        }
        assert_eq!(*tally.failed.lock().unwrap(), Vec::<String>::new());
        // The restarts were felt: every client had to dial again.
        assert!(tally.dialled.load(SeqCst) >= 2 * u64::try_from(CLIENTS).unwrap());
        assert_eq!(tally.retried.load(SeqCst), 0, "the drain delay is for that");
    }
}
