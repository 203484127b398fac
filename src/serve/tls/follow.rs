//! Certificates put to use, at start-up and when their files change.

use super::{Client, Files, Tls, TlsError};
use crate::serve::metrics::{CERTIFICATE, Metrics};
use crate::serve::reload::Watched;
use rustls::server::danger::ClientCertVerifier;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// Puts a certificate to use for new connections.
pub fn publish(sender: &watch::Sender<Option<Arc<Tls>>>, tls: Tls, metrics: &Metrics) {
    metrics.set_expiry("leaf", Some(tls.leaf.not_after));
    metrics.set_expiry("ca", tls.ca.map(|ca| ca.not_after));
    if let Some(fault) = tls.leaf.fault(jiff::Timestamp::now().as_second()) {
        tracing::error!("the certificate {fault}; the server is not ready until there is another one");
    }
    sender.send_replace(Some(Arc::new(tls)));
}

/// Looks at the files for ever and puts to use what is new and good. If nothing is in use yet, what can be used first is.
pub async fn follow(files: Files, sender: watch::Sender<Option<Arc<Tls>>>, every: Duration, metrics: Arc<Metrics>) {
    if sender.borrow().is_none() {
        first(&files, &sender, every, &metrics).await;
    }
    let paths = files.paths();
    // They may have changed since they were read for what `sender` holds; another reading costs nothing.
    let since = SystemTime::UNIX_EPOCH;
    let watched = Watched { what: CERTIFICATE, facts: false, paths, every, since, metrics: Arc::clone(&metrics) };
    let read = move || {
        let tls = files.load().map_err(|errors| line(&errors))?;
        let new = sender.borrow().as_ref().is_none_or(|old| old.digest != tls.digest);
        if new {
            publish(&sender, tls, &metrics);
        }
        Ok(new)
    };
    watched.follow(read).await;
}

/// Reads until there is something to use: a Secret may be filled after the Pod that mounts it has started.
async fn first(files: &Files, sender: &watch::Sender<Option<Arc<Tls>>>, every: Duration, metrics: &Metrics) {
    let mut told = None;
    loop {
        let reading = files.clone();
        let Ok(read) = spawn_blocking(move || reading.load()).await else { return };
        let why = match read {
            Ok(tls) => {
                metrics.reloaded(CERTIFICATE, true);
                tracing::info!("there is a certificate now");
                return publish(sender, tls, metrics);
            }
            Err(errors) => line(&errors),
        };
        if told.as_ref() != Some(&why) {
            metrics.reloaded(CERTIFICATE, false);
            tracing::error!(%why, "there is no certificate yet; the server is not ready until there is one");
            told = Some(why);
        }
        sleep(every).await;
    }
}

/// Looks for ever at the CA of those who may call.
pub async fn follow_clients(
    client: Client,
    sender: watch::Sender<Arc<dyn ClientCertVerifier>>,
    every: Duration,
    metrics: Arc<Metrics>,
) {
    let (paths, since) = (vec![client.ca.clone()], SystemTime::UNIX_EPOCH);
    let watched = Watched { what: CERTIFICATE, facts: false, paths, every, since, metrics };
    let last = Mutex::new(None);
    let read = move || {
        let (verifier, digest) = client.verifier().map_err(|error| error.to_string())?;
        let is_other = last.lock().unwrap_or_else(PoisonError::into_inner).replace(digest) != Some(digest);
        if is_other {
            sender.send_replace(verifier);
        }
        Ok(is_other)
    };
    watched.follow(read).await;
}

fn line(errors: &[TlsError]) -> String {
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    errors.join(". ")
}
