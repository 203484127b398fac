//! Certificates in a cluster: the callers of what is decided beside this module.
//!
//! ```text
//! self-managed: keep ─► read both objects ─► step ─► write the Secret, publish the bundle, show the leaf
//! by files:     check ─► read the configuration ─► trust (is the leaf trusted under each entry?)
//! both: watches by name wake them at each change; else they look every 5 minutes
//! ```
//!
//! Rights, all by `resourceNames`: get and watch on our ValidatingWebhookConfiguration; self-managed also patch on it, and get,
//! watch and update on the Secret, which the chart makes. RBAC cannot limit create to a name, so a Secret that is gone
//! is only made anew where that is allowed for all Secrets of the namespace.

mod check;
mod keep;
mod objects;
mod pace;
mod trouble;
mod trusted;

pub use check::check;
pub use keep::{Clients, SelfManaged};

use crate::place::is_name;
use rustls::pki_types::ServerName;

/// What of the cluster is about this webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Where the Service and the Secret are.
    pub namespace: String,
    /// That API servers call.
    pub service: String,
    /// The ValidatingWebhookConfiguration.
    pub configuration: String,
    names: [ServerName<'static>; 1],
}

impl Own {
    /// `None` if namespace and service are no DNS labels: API servers could not call it.
    pub fn new(namespace: &str, service: &str, configuration: &str) -> Option<Self> {
        let [namespace, service, configuration] = [namespace, service, configuration].map(str::to_owned);
        let name = ServerName::try_from(format!("{service}.{namespace}.svc")).ok()?;
        let is_label = |text: &str| is_name(text) && !text.contains('.');
        let good = is_label(&namespace) && is_label(&service) && is_name(&configuration);
        good.then_some(Self { namespace, service, configuration, names: [name] })
    }

    /// The name that API servers expect in the certificate.
    pub fn names(&self) -> &[ServerName<'static>] {
        &self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_in_the_certificate_is_what_api_servers_call() {
        let own = Own::new("kubevirt-preflight", "webhook", "kubevirt-preflight.io").unwrap();
        assert_eq!(own.names(), [ServerName::try_from("webhook.kubevirt-preflight.svc").unwrap()]);
        for (namespace, service, configuration) in
            [("a.b", "s", "c"), ("", "s", "c"), ("n", "S", "c"), ("n", "s", "c/d"), ("n", "s", ""), ("n", "s-", "c")]
        {
            assert_eq!(Own::new(namespace, service, configuration), None, "{namespace} {service} {configuration}");
        }
    }
}
