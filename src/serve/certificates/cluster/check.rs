//! Certificates that others renew and publish: what this replica shows is held against the webhook configuration, and
//! nothing is written.

use super::Own;
use super::objects::Api;
use super::pace::{Outcome, Pace, random};
use super::trouble::Troubles;
use super::trusted::Trusted;
use crate::serve::metrics::Metrics;
use crate::serve::tls::Tls;
use kube::Client;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// At least so often.
const LOOK: Duration = Duration::from_secs(300);

/// Looks for ever: at each change of the configuration, of the certificate, and every 5 minutes.
pub async fn check(own: Own, client: Client, mut tls: watch::Receiver<Option<Arc<Tls>>>, metrics: Arc<Metrics>) {
    let api = Api { client: client.clone(), own };
    let changed = Arc::new(Notify::new());
    tokio::spawn(api.watched_configuration().follow(client, Arc::clone(&changed)));
    let (mut trusted, mut troubles) = (Trusted::new(Arc::clone(&metrics)), Troubles::none(metrics));
    let mut pace = Pace::default();
    loop {
        let shown = tls.borrow_and_update().clone();
        let outcome = match api.configuration().await {
            Ok(configuration) => {
                troubles.end();
                trusted.judge(shown.as_deref(), &configuration.entries, &api.own);
                Outcome::Rest(LOOK)
            }
            Err(trouble) => troubles.tell(trouble),
        };
        tokio::select! {
            () = pace.after(outcome, random()).over(&changed) => {}
            // Without a sender there is no server any more.
            new = tls.changed() => if new.is_err() { return },
        }
    }
}
