//! Certificates that others renew and publish: what this replica shows is held against the webhook configuration, and
//! nothing is written.

use super::Own;
use super::objects::{Api, Trouble};
use super::pace::{Outcome, Pace, random};
use super::trusted::Trusted;
use crate::serve::metrics::Metrics;
use crate::serve::tls::Tls;
use kube::Client;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

/// At least so often.
const LOOK: Duration = Duration::from_secs(300);

/// Looks for ever: at each change of the configuration, of the certificate, and every 5 minutes.
pub async fn check(own: Own, client: Client, mut tls: watch::Receiver<Option<Arc<Tls>>>, metrics: Arc<Metrics>) {
    let api = Api { client: client.clone(), own };
    let changed = Arc::new(Notify::new());
    tokio::spawn(api.watched_configuration().follow(client, Arc::clone(&changed)));
    let (mut pace, mut trusted, mut told) = (Pace::default(), Trusted::new(Arc::clone(&metrics)), None);
    loop {
        let shown = tls.borrow_and_update().clone();
        let outcome = match api.configuration().await {
            Ok(configuration) => {
                told = None;
                match &shown {
                    Some(tls) => {
                        let now = jiff::Timestamp::now().as_second();
                        trusted.judge(tls, &configuration.entries, &api.own, now);
                    }
                    None => trusted.none(),
                }
                Outcome::Rest(LOOK)
            }
            Err(trouble) => tell(&trouble, &mut told, &metrics),
        };
        let pause = pace.after(outcome, random());
        let woken = async {
            sleep(pause.least).await;
            changed.notified().await;
        };
        tokio::select! {
            () = sleep(pause.most) => {}
            () = woken => {}
            // Without a sender there is no server any more.
            new = tls.changed() => if new.is_err() { return },
        }
    }
}

/// Tells what is wrong, if it was not told before.
pub(super) fn tell(trouble: &Trouble, told: &mut Option<String>, metrics: &Metrics) -> Outcome {
    match trouble {
        Trouble::Conflict => Outcome::Lost,
        Trouble::Failed { step, what } => {
            metrics.certificate_failed(step);
            if told.as_ref() != Some(what) {
                tracing::error!(why = what, "the certificate cannot be seen to");
                *told = Some(what.clone());
            }
            Outcome::Failed
        }
    }
}
