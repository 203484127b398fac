//! The self-managed mode: this replica's part in keeping the Secret, the CA bundle and its own leaf.

use super::Own;
use super::objects::{Api, Configuration, Entry, Secret};
use super::pace::{Outcome, Pace, random};
use super::trouble::{Trouble, Troubles};
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
    troubles: Troubles,
}

impl SelfManaged {
    /// Looks, and does what is to be done, for ever; the leaf goes to `sender`.
    pub async fn keep(self, client: Client, sender: watch::Sender<Option<Arc<Tls>>>, metrics: Arc<Metrics>) {
        let api = Api { client: client.clone(), own: self.own.clone() };
        let changed = Arc::new(Notify::new());
        for named in [api.watched_configuration(), api.watched_secret(&self.secret)] {
            tokio::spawn(named.follow(client.clone(), Arc::clone(&changed)));
        }
        let (trusted, troubles) = (Trusted::new(Arc::clone(&metrics)), Troubles::none(Arc::clone(&metrics)));
        let mut keeping = Keeping { api, kept: self, sender, metrics, shown: None, trusted, troubles };
        let mut pace = Pace::default();
        loop {
            let outcome = keeping.look().await;
            tokio::select! {
                () = pace.after(outcome, random()).over(&changed) => {}
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

impl Keeping {
    async fn look(&mut self) -> Outcome {
        match self.tried().await {
            Ok((outcome, told)) => {
                self.troubles.end();
                for sentence in told {
                    tracing::info!("{sentence}");
                }
                outcome
            }
            Err(trouble) => self.troubles.tell(trouble),
        }
    }

    /// One read, one step, and what it asks for; with what was done, a sentence each.
    async fn tried(&mut self) -> Result<(Outcome, Vec<String>), Trouble> {
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
        let (entries, published) = self.publish(configuration, publish).await;
        // Each of the three rests on what was read, so none waits for another to go well.
        let presented = show.map_or(Ok(()), |shown| self.present(shown));
        let tls = self.sender.borrow().clone();
        self.trusted.judge(tls.as_deref(), &entries, &self.api.own);
        written.and(published).and(presented)?;
        Ok((if is_done { Outcome::Done(look_again) } else { Outcome::Rest(look_again) }, told))
    }

    /// The entries as they are afterwards, too.
    async fn publish(&self, read: Configuration, bundle: Option<String>) -> (Vec<Entry>, Result<(), Trouble>) {
        let Some(bundle) = bundle else { return (read.entries, Ok(())) };
        match self.api.publish(&read, &bundle).await {
            Ok(()) => {
                let published = |entry| Entry { bundle: bundle.clone().into_bytes(), ..entry };
                (read.entries.into_iter().map(published).collect(), Ok(()))
            }
            Err(trouble) => (read.entries, Err(trouble)),
        }
    }

    /// Shows this leaf to the clients that may call.
    fn present(&mut self, shown: Shown) -> Result<(), Trouble> {
        let clients = self.kept.clients.as_mut().map(|clients| Arc::clone(&clients.borrow_and_update()));
        let failed =
            |error: TlsError| Trouble::Failed { step: "show", what: format!("the leaf cannot be shown: {error}") };
        let tls = shown.tls(clients).map_err(failed)?;
        if self.shown.as_ref() != Some(&shown) {
            let until = Timestamp::from_second(tls.leaf.not_after).map(|end| end.to_string()).unwrap_or_default();
            tracing::info!(until, "the certificate is shown from now on");
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
            self.troubles.tell(trouble);
        }
    }
}
