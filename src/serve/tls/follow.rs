//! Certificates put to use, at start-up and when their files change.

use super::{Files, Tls, TlsError};
use crate::serve::metrics::{CERTIFICATE, Metrics};
use crate::serve::reload::Watched;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// Puts a certificate to use for new connections.
pub fn publish(sender: &watch::Sender<Option<Arc<Tls>>>, tls: Tls, metrics: &Metrics) {
    metrics.set_expiry("leaf", Some(tls.leaf.not_after));
    metrics.set_expiry("ca", tls.ca.map(|ca| ca.not_after));
    if let Some(fault) = tls.leaf.fault(jiff::Timestamp::now().as_second()) {
        tracing::error!("the certificate {fault}; the server is not ready until there is another one");
    }
    sender.send_replace(Some(Arc::new(tls)));
}

/// Looks at the files for ever and puts to use what is new and good.
pub async fn follow(files: Files, sender: watch::Sender<Option<Arc<Tls>>>, every: Duration, metrics: Arc<Metrics>) {
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

fn line(errors: &[TlsError]) -> String {
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    errors.join(". ")
}
