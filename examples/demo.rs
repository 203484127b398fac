//! Starts the webhook on examples/cluster.yaml and examples/world.yaml, posts examples/reviews to it over HTTPS, prints the
//! verdicts, and stops it. Fails if a verdict is not the one that the file's name begins with.

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitCode, Stdio};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const CERTIFICATES: &str = "target/demo";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let program = std::env::args().nth(1).ok_or("give the program as the argument")?;
    let made = Command::new(&program).args(["certs", "--dir", CERTIFICATES]).stdout(Stdio::null()).status()?;
    if !made.success() {
        return Err("the certificates for the demo could not be made".into());
    }
    let mut server = Server::start(&program)?;
    let mut connection = connect(&server.address).await?;
    let mut files: Vec<_> =
        std::fs::read_dir("examples/reviews")?.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    files.sort();
    let mut unexpected = false;
    for file in files {
        let review = std::fs::read(&file)?;
        let verdict = show(&file, &serde_json::from_slice(&review)?, &ask(&mut connection, review).await?)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.starts_with(verdict) {
            writeln!(std::io::stderr(), "{name}: the verdict is {verdict}")?;
            unexpected = true;
        }
    }
    drop(connection);
    let stopped = server.stop()?;
    writeln!(std::io::stdout(), "\nThe server has stopped ({stopped}).")?;
    Ok(ExitCode::from(u8::from(unexpected || !stopped.success())))
}

/// A running server; killed if the demo fails half-way.
struct Server {
    child: Child,
    address: String,
    /// Kept open: the server logs to it.
    _log: BufReader<ChildStderr>,
}

impl Server {
    fn start(program: &str) -> Result<Self> {
        let mut child = Command::new(program)
            .args(["serve", "--bind", "127.0.0.1:0", "--observe-bind", "127.0.0.1:0", "--drain-delay", "0s"])
            .args(["--tls-cert", &format!("{CERTIFICATES}/tls.crt"), "--tls-key", &format!("{CERTIFICATES}/tls.key")])
            .args(["--networks", "examples/cluster.yaml", "--world", "examples/world.yaml", "--log-format", "json"])
            .stderr(Stdio::piped())
            .spawn()?;
        let mut log = BufReader::new(child.stderr.take().ok_or("no standard error")?);
        let mut line = String::new();
        while log.read_line(&mut line)? > 0 {
            let entry: Value = serde_json::from_str(&line).map_err(|_| line.clone())?;
            if let Some(url) = entry["reviews"].as_str() {
                let address = url.trim_start_matches("https://").trim_end_matches("/validate").to_owned();
                writeln!(std::io::stdout(), "$ kubevirt-preflight serve answers at {url}")?;
                return Ok(Self { child, address, _log: log });
            }
            line.clear();
        }
        Err("the server did not start".into())
    }

    fn stop(&mut self) -> Result<std::process::ExitStatus> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        Ok(self.child.wait()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is gone already when everything went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn connect(address: &str) -> Result<http1::SendRequest<Full<Bytes>>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(Path::new(CERTIFICATES).join("ca.crt"))?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let stream = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost")?, stream).await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn ask(connection: &mut http1::SendRequest<Full<Bytes>>, review: Vec<u8>) -> Result<Value> {
    connection.ready().await?;
    let request =
        Request::post("/validate?timeout=2s").header("host", "localhost").header("content-type", "application/json");
    let response = connection.send_request(request.body(Full::new(review.into()))?).await?;
    Ok(serde_json::from_slice(&response.collect().await?.to_bytes())?)
}

/// As kubectl shows it to whoever writes the object.
fn show(file: &Path, review: &Value, answer: &Value) -> Result<&'static str> {
    let (request, response) = (&review["request"], &answer["response"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let warnings: Vec<_> = response["warnings"].as_array().into_iter().flatten().map(text).collect();
    let verdict = match (response["allowed"].as_bool(), warnings.is_empty()) {
        (Some(true), true) => "allowed",
        (Some(true), false) => "warned",
        _ => "denied",
    };
    let (operation, kind) = (text(&request["operation"]), text(&request["kind"]["kind"]));
    let (namespace, name) = (text(&request["namespace"]), text(&request["name"]));
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{operation} {kind} {namespace}/{name}: {verdict}    ({})", file.display())?;
    for line in text(&response["status"]["message"]).lines() {
        writeln!(out, "  {line}")?;
    }
    for warning in warnings {
        writeln!(out, "  Warning: {warning}")?;
    }
    Ok(verdict)
}
