//! Where the server's certificate comes from, and who may call: flags, and what they start.

use super::checked::{Checked, Faults, checked, time};
use anyhow::anyhow;
use clap::builder::NonEmptyStringValueParser;
use jiff::{Span, SpanRelativeTo};
use kube::Client as Kube;
use kubevirt_preflight::place::is_name;
use kubevirt_preflight::serve::certificates::clocks::Clocks;
use kubevirt_preflight::serve::certificates::cluster::{Own, SelfManaged, check};
use kubevirt_preflight::serve::metrics::Metrics;
use kubevirt_preflight::serve::tls::{self, Client, Files, Tls, TlsError};
use rustls::server::danger::ClientCertVerifier;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const DAY: u64 = 24 * 3600;

#[derive(Debug, clap::Args)]
pub(super) struct CertificateArgs {
    /// Certificate, and what is between it and its CA, in PEM; read anew when it changes.
    #[arg(
        long,
        value_name = "FILE",
        env = "KUBEVIRT_PREFLIGHT_TLS_CERT",
        required_unless_present = "self_managed",
        conflicts_with = "self_managed"
    )]
    tls_cert: Option<PathBuf>,
    /// Its key, in PEM.
    #[arg(
        long,
        value_name = "FILE",
        env = "KUBEVIRT_PREFLIGHT_TLS_KEY",
        required_unless_present = "self_managed",
        conflicts_with = "self_managed"
    )]
    tls_key: Option<PathBuf>,
    /// Only clients with a certificate of this CA may call, in PEM.
    #[arg(long, value_name = "FILE", env = "KUBEVIRT_PREFLIGHT_CLIENT_CA")]
    client_ca: Option<PathBuf>,
    /// Only clients whose certificate has this common name or DNS name; can be repeated.
    #[arg(
        long,
        value_name = "NAME",
        env = "KUBEVIRT_PREFLIGHT_CLIENT_NAME",
        requires = "client_ca",
        value_delimiter = ',',
        // An empty name would be that of a certificate without one.
        value_parser = NonEmptyStringValueParser::new()
    )]
    client_name: Vec<String>,
    /// Make certificate and CA, renew both, and publish the CA in the webhook configuration, in place of --tls-cert and
    /// --tls-key.
    #[arg(long, requires = "on_cluster")]
    self_managed: bool,
    /// Namespace of the Service and of the Secret.
    #[arg(long, value_name = "NAME", env = "POD_NAMESPACE", value_parser = checked(label))]
    namespace: Option<Checked<String>>,
    /// Service that API servers call.
    #[arg(long, value_name = "NAME", value_parser = checked(label))]
    service: Option<Checked<String>>,
    /// ValidatingWebhookConfiguration that calls it: whether it trusts the certificate is a metric.
    #[arg(long, value_name = "NAME", value_parser = checked(name), requires = "on_cluster")]
    webhook_configuration: Option<Checked<String>>,
    /// Secret of --self-managed.
    #[arg(long, value_name = "NAME", value_parser = checked(name), requires = "self_managed")]
    certificate_secret: Option<Checked<String>>,
    /// How long a CA of --self-managed lasts; the next one is made when a third of it is left.
    #[arg(long, value_name = "TIME", value_parser = checked(lifetime), default_value = "365d")]
    ca_lifetime: Checked<Duration>,
    /// How long a certificate of --self-managed lasts; it is renewed when a third of it is left.
    #[arg(long, value_name = "TIME", value_parser = checked(lifetime), default_value = "90d")]
    leaf_lifetime: Checked<Duration>,
    /// How long a CA of --self-managed is published before it signs.
    #[arg(long, value_name = "TIME", value_parser = checked(time), default_value = "1h")]
    settle: Checked<Duration>,
}

/// Where the certificate comes from.
#[derive(Clone, Debug)]
pub(super) enum Certificates {
    /// Files; held against the webhook configuration, if that is named.
    Files(Files, Option<Own>),
    /// The server itself, with this Secret.
    SelfManaged { own: Own, secret: String, clocks: Clocks, client: Option<Client> },
}

/// What can be had of it before the server starts.
pub(super) enum Loaded {
    /// `None` if the files are to be tried again.
    Tls(Option<Box<Tls>>),
    Clients(Option<Arc<dyn ClientCertVerifier>>),
}

impl CertificateArgs {
    /// Reads the files. In a cluster a pair that is not there yet may come.
    pub(super) fn load(&self, on_cluster: bool) -> Result<Loaded, Vec<TlsError>> {
        if let Some(files) = self.files() {
            return match files.load() {
                Ok(tls) => Ok(Loaded::Tls(Some(Box::new(tls)))),
                Err(_) if on_cluster => Ok(Loaded::Tls(None)),
                Err(errors) => Err(errors),
            };
        }
        let verifier = self.client().map(|client| client.verifier()).transpose();
        verifier.map(|read| Loaded::Clients(read.map(|(verifier, _)| verifier))).map_err(|error| vec![error])
    }

    /// What the flags say; `None` if there are faults.
    pub(super) fn set(&self, faults: &mut Faults) -> Option<Certificates> {
        let clocks = self.clocks(faults);
        let own = self.own(faults);
        let secret = self.certificate_secret.as_ref().and_then(|name| faults.take("--certificate-secret", name));
        if let Some(files) = self.files() {
            return Some(Certificates::Files(files, own));
        }
        if self.certificate_secret.is_none() {
            faults.add(anyhow!("--self-managed keeps keys in a Secret; name it by --certificate-secret."));
        }
        Some(Certificates::SelfManaged { own: own?, secret: secret?, clocks: clocks?, client: self.client() })
    }

    fn files(&self) -> Option<Files> {
        let (cert, key) = self.tls_cert.clone().zip(self.tls_key.clone())?;
        Some(Files { cert, key, client: self.client() })
    }

    fn client(&self) -> Option<Client> {
        let names = self.client_name.clone();
        self.client_ca.clone().map(|ca| Client { ca, names })
    }

    /// The webhook in the cluster, where it is wanted.
    fn own(&self, faults: &mut Faults) -> Option<Own> {
        let Self { namespace, service, webhook_configuration, .. } = self;
        let wanted = self.self_managed || webhook_configuration.is_some();
        let named =
            [("--namespace", namespace), ("--service", service), ("--webhook-configuration", webhook_configuration)];
        let [namespace, service, configuration] = named.map(|(flag, value)| match value {
            Some(value) => faults.take(flag, value),
            None if wanted => {
                let why = if self.self_managed { "--self-managed" } else { "--webhook-configuration" };
                let variable = if flag == "--namespace" { " or POD_NAMESPACE" } else { "" };
                faults.add(anyhow!("{why} needs the name of the webhook in the cluster; give {flag} NAME{variable}."));
                None
            }
            None => None,
        });
        wanted.then_some(())?;
        Own::new(&namespace?, &service?, &configuration?)
    }

    fn clocks(&self, faults: &mut Faults) -> Option<Clocks> {
        let ca = faults.take("--ca-lifetime", &self.ca_lifetime);
        let leaf = faults.take("--leaf-lifetime", &self.leaf_lifetime);
        let settle = faults.take("--settle", &self.settle);
        let clocks = Clocks::of(ca?, leaf?, settle?);
        clocks
            .map_err(|why| {
                faults.add(anyhow!(
                    "--ca-lifetime, --leaf-lifetime and --settle do not go together: {why}; lengthen the first, or shorten the others."
                ));
            })
            .ok()
    }
}

/// A certificate on its way to the server.
pub(super) struct Certified {
    certificates: Certificates,
    clients: Option<Arc<dyn ClientCertVerifier>>,
    sender: watch::Sender<Option<Arc<Tls>>>,
}

impl Certified {
    /// With what has been loaded.
    pub(super) fn new(certificates: Certificates, loaded: Loaded, metrics: &Metrics) -> Self {
        let sender = watch::Sender::new(None);
        let clients = match loaded {
            Loaded::Tls(Some(tls)) => {
                metrics.certificate_reads.inc();
                tls::publish(&sender, *tls, metrics);
                None
            }
            Loaded::Tls(None) => None,
            Loaded::Clients(clients) => clients,
        };
        Self { certificates, clients, sender }
    }

    pub(super) fn receiver(&self) -> watch::Receiver<Option<Arc<Tls>>> {
        self.sender.subscribe()
    }

    /// Keeps it up to date from now on.
    pub(super) fn follow(self, cluster: Option<Kube>, every: Duration, metrics: &Arc<Metrics>) {
        let Self { certificates, clients, sender } = self;
        match certificates {
            Certificates::Files(files, own) => {
                if let Some((own, cluster)) = own.zip(cluster) {
                    tokio::spawn(check(own, cluster, sender.subscribe(), Arc::clone(metrics)));
                }
                tokio::spawn(tls::follow(files, sender, every, Arc::clone(metrics)));
            }
            Certificates::SelfManaged { own, secret, clocks, client } => {
                let Some(cluster) = cluster else { return };
                let clients = client.zip(clients).map(|(client, clients)| {
                    let (sender, receiver) = watch::channel(clients);
                    tokio::spawn(tls::follow_clients(client, sender, every, Arc::clone(metrics)));
                    receiver
                });
                let kept = SelfManaged { own, secret, clocks, clients };
                tokio::spawn(kept.keep(cluster, sender, Arc::clone(metrics)));
            }
        }
    }
}

fn name(text: &str) -> Result<String, String> {
    let named = is_name(text).then(|| text.to_owned());
    named.ok_or_else(|| "write the name of an object, for example kubevirt-preflight".to_owned())
}

fn label(text: &str) -> Result<String, String> {
    name(text).and_then(|text| if text.contains('.') { Err("write a name without dots".to_owned()) } else { Ok(text) })
}

/// `5y`, `90d`, `20s`; a year has 365 days.
fn lifetime(text: &str) -> Result<Duration, String> {
    let span = text.parse::<Span>().ok();
    let time = span.and_then(|span| {
        let years = u64::try_from(span.get_years()).ok()?;
        let rest = span.years(0).to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        Duration::try_from(rest).ok()?.checked_add(Duration::from_secs(years * 365 * DAY))
    });
    let bounds = Duration::from_secs(10)..=Duration::from_secs(100 * 365 * DAY);
    time.filter(|time| bounds.contains(time))
        .ok_or_else(|| "write a time from 10s to 100y, with its unit, for example 90d or 5y".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_have_days_and_years() {
        let days = |days: u64| Ok(Duration::from_secs(days * DAY));
        assert_eq!(["90d", "5y", "1y 1d", "2w"].map(lifetime), [days(90), days(1825), days(366), days(14)]);
        assert_eq!(lifetime("20s"), Ok(Duration::from_secs(20)));
        for wrong in ["", "9", "9s", "-90d", "1mo", "101y", "-1y", "days"] {
            assert!(lifetime(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_clocks() {
        let [ca, leaf] = ["365d", "90d"].map(|text| lifetime(text).unwrap());
        assert_eq!(Clocks::of(ca, leaf, time("1h").unwrap()), Ok(Clocks::default()));
    }
}
