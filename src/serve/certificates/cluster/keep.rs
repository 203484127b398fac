//! The self-managed mode: this replica's part in keeping the Secret, the CA bundle and its own leaf.

use super::Own;
use super::check::tell;
use super::objects::{Api, Configuration, Entry, Secret, Trouble};
use super::pace::{Outcome, Pace, random};
use super::trusted::Trusted;
use crate::serve::certificates::clocks::Clocks;
use crate::serve::certificates::pair::Shown;
use crate::serve::certificates::{Seen, Step, step};
use crate::serve::metrics::Metrics;
use crate::serve::tls::{self, Tls, TlsError};
use jiff::Timestamp;
use kube::Client;
use rustls::server::danger::ClientCertVerifier;
use std::future::pending;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

/// Who may call, as it is now.
pub type Clients = watch::Receiver<Arc<dyn ClientCertVerifier>>;

/// What is to be kept, and by which clocks.
pub struct SelfManaged {
    /// The Service and the webhook configuration.
    pub own: Own,
    /// The Secret's name.
    pub secret: String,
    /// How long certificates last.
    pub clocks: Clocks,
    /// Who may call; `None` for anyone.
    pub clients: Option<Clients>,
}

/// One that is at it.
struct Keeping {
    api: Api,
    kept: SelfManaged,
    sender: watch::Sender<Option<Arc<Tls>>>,
    metrics: Arc<Metrics>,
    shown: Option<Shown>,
    trusted: Trusted,
    /// The error that was last told.
    told: Option<String>,
}

impl SelfManaged {
    /// Looks, and does what is to be done, for ever; the leaf goes to `sender`.
    pub async fn keep(self, client: Client, sender: watch::Sender<Option<Arc<Tls>>>, metrics: Arc<Metrics>) {
        let api = Api { client: client.clone(), own: self.own.clone() };
        let changed = Arc::new(Notify::new());
        for named in [api.watched_configuration(), api.watched_secret(&self.secret)] {
            tokio::spawn(named.follow(client.clone(), Arc::clone(&changed)));
        }
        let (trusted, told) = (Trusted::new(Arc::clone(&metrics)), None);
        let mut keeping = Keeping { api, kept: self, sender, metrics, shown: None, trusted, told };
        let mut pace = Pace::default();
        loop {
            let outcome = keeping.look().await;
            let pause = pace.after(outcome, random());
            let woken = async {
                sleep(pause.least).await;
                changed.notified().await;
            };
            tokio::select! {
                () = sleep(pause.most) => {}
                () = woken => {}
                () = changes(&mut keeping.kept.clients) => keeping.present_again(),
            }
        }
    }
}

/// Waits for other clients that may call.
async fn changes(clients: &mut Option<Clients>) {
    let is_over = match clients {
        Some(clients) => clients.changed().await.is_err(),
        None => true,
    };
    if is_over {
        pending::<()>().await;
    }
}

/// What a look has found, and what became of it.
struct Look {
    outcome: Outcome,
    entries: Vec<Entry>,
    told: Vec<String>,
}

impl Keeping {
    async fn look(&mut self) -> Outcome {
        match self.tried().await {
            Ok(Look { outcome, entries, told }) => {
                if self.told.take().is_some() {
                    tracing::info!("the certificate is seen to again");
                }
                told.iter().for_each(|sentence| tracing::info!("{sentence}"));
                let tls = self.sender.borrow().clone();
                match tls {
                    Some(tls) => self.trusted.judge(&tls, &entries, &self.api.own, Timestamp::now().as_second()),
                    None => self.trusted.none(),
                }
                outcome
            }
            Err(trouble) => tell(&trouble, &mut self.told, &self.metrics),
        }
    }

    async fn tried(&mut self) -> Result<Look, Trouble> {
        let configuration = self.api.configuration().await?;
        let secret = self.api.secret(&self.kept.secret).await?;
        let (entries, data): (Vec<_>, _) = (
            configuration.entries.iter().map(|entry| entry.bundle.clone()).collect(),
            secret.as_ref().map(Secret::data),
        );
        let seen = Seen {
            entries: &entries,
            secret: data.as_ref(),
            shown: self.shown.as_ref(),
            names: self.api.own.names(),
            now: Timestamp::now().as_second(),
        };
        let step = step(&seen, &self.kept.clocks)
            .map_err(|error| Trouble::Failed { step: "issue", what: error.to_string() })?;
        let Step { write, publish, show, look_again, told } = step;
        let is_done = write.is_some() || publish.is_some() || show.is_some();
        let written = match write {
            Some(data) => self.api.write(&self.kept.secret, secret, data).await,
            None => Ok(()),
        };
        let published = self.publish(configuration, publish).await;
        // Each of the three rests on what was read, so none waits for another to go well.
        let presented = show.map_or(Ok(()), |shown| self.present(shown));
        written?;
        presented?;
        let outcome = if is_done { Outcome::Done(look_again) } else { Outcome::Rest(look_again) };
        Ok(Look { outcome, entries: published?, told })
    }

    /// The entries as they are afterwards.
    async fn publish(&self, read: Configuration, bundle: Option<String>) -> Result<Vec<Entry>, Trouble> {
        let Some(bundle) = bundle else { return Ok(read.entries) };
        self.api.publish(&read, &bundle).await?;
        let published = |entry| Entry { bundle: bundle.clone().into_bytes(), ..entry };
        Ok(read.entries.into_iter().map(published).collect())
    }

    /// Shows this leaf to the clients that may call.
    fn present(&mut self, shown: Shown) -> Result<(), Trouble> {
        let clients = self.kept.clients.as_mut().map(|clients| Arc::clone(&clients.borrow_and_update()));
        let failed =
            |error: TlsError| Trouble::Failed { step: "show", what: format!("the leaf cannot be shown: {error}") };
        let tls = shown.tls(clients).map_err(failed)?;
        if self.shown.as_ref() != Some(&shown) {
            let until = Timestamp::from_second(tls.leaf.not_after).map(|end| end.to_string()).unwrap_or_default();
            tracing::info!(until, "another certificate is shown");
        }
        tls::publish(&self.sender, tls, &self.metrics);
        self.shown = Some(shown);
        Ok(())
    }

    /// After a change of who may call.
    fn present_again(&mut self) {
        if let Some(shown) = self.shown.clone()
            && let Err(trouble) = self.present(shown)
        {
            tell(&trouble, &mut self.told, &self.metrics);
        }
    }
}
