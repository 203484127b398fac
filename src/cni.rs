//! What the CNI text of a NetworkAttachmentDefinition means: [`read`] gives the [`Attachment`].
//!
//! The text means what the plugins make of it, not what one would like: the result is what the kernel of a pod holds
//! after every plugin of the chain has run, as far as the text alone decides it. What it does not decide is a [`Gap`].

mod chain;
mod decode;
mod envelope;
mod iface;
mod ipam;
mod kernel;
mod mac;
mod main_plugin;
mod meta;
mod ovn_k8s;
mod prev_result;
mod routes;
mod shape;
mod version;

pub mod preview;

#[cfg(test)]
mod tests;

use crate::net::{Family, Interval, Prefix};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// What a NAD's text does to a pod that attaches to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attachment {
    /// The plugins of the chain in order; empty if the text has none that could be read.
    pub chain: Vec<Link>,
    /// What is put on the interface.
    pub addresses: Vec<Address>,
    /// Routes after the whole chain, of every table, without the kernel's own connected ones.
    pub routes: Vec<Route>,
    /// The requests, where the addresses come by DHCP.
    pub dhcp: Option<Dhcp>,
    /// Gateways that the text configures and that no route uses.
    pub idle_gateways: Vec<(IpAddr, Pointer)>,
    /// On-link prefixes whose connected main-table route is gone or useless to reach peers, and why.
    pub detached: Vec<(Prefix, &'static str)>,
    /// Why the main table has no connected route for an address either that is given only later, by DHCP.
    pub detached_by: Option<&'static str>,
    /// Why a plugin's ADD fails.
    pub faults: Vec<Note>,
    /// Objects that readers would understand differently; nothing was concluded from them.
    pub ambiguities: Vec<Note>,
    /// Odd spellings that work.
    pub oddities: Vec<Note>,
    /// What only a file on the node, an unknown plugin or an object outside the world knows.
    pub opaque: Vec<Note>,
    /// What the text does not decide.
    pub gaps: Vec<Gap>,
    /// Keys of the pools that the NAD draws from: claims of these pools are its own, not a collision.
    pub own: BTreeSet<Arc<str>>,
    /// Whereabouts pools it draws from, for collisions between NADs.
    pub leases: Vec<Lease>,
    /// A bridge puts the gateway's address on every node (`isGateway`) or masquerades (`ipMasq`): the key.
    pub host_gateway: Option<Pointer>,
    /// It is certain that the text asks for no address.
    pub bare: bool,
}

/// RFC 6901 pointer into the JSON of `spec.config`.
pub type Pointer = String;

/// One plugin of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its `type`.
    pub plugin: String,
    /// Where it stands.
    pub pointer: Pointer,
    /// The host interface it is built on, as far as the plugin has one.
    pub uplink: Uplink,
    /// `vlan` or `vlanId`, 0 where there is none.
    pub vlan: i64,
    /// `mtu`, 0 where there is none.
    pub mtu: i64,
}

/// The host interface below an attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uplink {
    /// The plugin has none.
    None,
    /// The plugin takes the interface of the node's default route.
    Implicit,
    /// A master or device of this name.
    Interface(String),
    /// A bridge of this name.
    Bridge(String),
}

/// An address, or the pool one is taken from, as the plugin puts it on the interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The on-link prefix: what the kernel routes to the interface.
    pub prefix: Prefix,
    /// The fixed address or the pool.
    pub taken: Taken,
    /// Whether nodes can get the same one.
    pub scope: Scope,
    /// Whether the connected route of `prefix` is in the main table at the end.
    pub on_link: bool,
    /// A further subnet of a range set: the plugin takes the first, overlap is judged for all.
    pub alternative: bool,
    /// The key that gives it.
    pub pointer: Pointer,
}

/// Which addresses of a prefix are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// This one.
    Fixed(IpAddr),
    /// Any of these, less the holes.
    Pool(Interval, Vec<Interval>),
}

/// How far an address is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// In the cluster.
    Cluster,
    /// On a node only: another node gives the same one.
    Node,
    /// Not at all: every pod gets it.
    Fixed,
}

/// A route that the chain installs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Canonical destination.
    pub dst: Prefix,
    /// `None` is on-link.
    pub via: Option<IpAddr>,
    /// `None` is the main table.
    pub table: Option<u32>,
    /// `None` is the kernel's default.
    pub metric: Option<u32>,
    /// The plugin and key it comes from, for people.
    pub origin: String,
    /// The key it comes from.
    pub pointer: Pointer,
}

/// A DHCP client's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dhcp {
    /// The parameter request list, ascending; the library's default list is spelled out.
    pub requests: BTreeSet<u8>,
    /// The options that bring routes, each with the key that asks for it (`/ipam` where nothing is said).
    pub pointer: Pointer,
    /// A later plugin of the chain removes what routes with a gateway the server sends.
    pub flushed: bool,
    /// The key of the main plugin that makes a default route by the lease's gateway, whatever the server sends.
    pub default: Option<Pointer>,
}

/// A remark about one place of the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// Where.
    pub pointer: Pointer,
    /// What, one sentence without the place.
    pub why: String,
    /// What to write instead or do.
    pub help: String,
    /// Another rule names this very cause, so that unusable-config is silent.
    pub elsewhere: bool,
}

/// What of the result the text does not decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The part of the result.
    pub field: Field,
    /// `None` is both families.
    pub family: Option<Family>,
    /// Why.
    pub why: String,
}

/// A part of a preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Addresses on the interface.
    Addresses,
    /// Routes.
    Routes,
    /// DHCP requests.
    Dhcp,
    /// Whether ADD fails.
    Fails,
}

impl Field {
    /// Every field, in the order of previews.
    pub const ALL: [Self; 4] = [Self::Addresses, Self::Routes, Self::Dhcp, Self::Fails];

    /// As the preview contract writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Addresses => "addresses",
            Self::Routes => "routes",
            Self::Dhcp => "dhcp",
            Self::Fails => "fails",
        }
    }
}

/// A whereabouts pool that a NAD draws from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The range's normalised prefix.
    pub prefix: Prefix,
    /// The addresses that can be given.
    pub pool: Interval,
    /// `network_name`; empty where there is none.
    pub network_name: String,
    /// `enable_overlapping_ranges`
    pub overlap_checked: bool,
    /// The key of the range.
    pub pointer: Pointer,
}

/// A pool object that a NAD can draw from (kube-ovn Subnet, SpiderIPPool, nv-ipam IPPool or CIDRPool).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// How NADs name it, for example `kube-ovn/mig.kubevirt.ovn`, `spiderpool/mig`, `nv-ipam/ippool/mig`.
    pub key: Arc<str>,
    /// On-link prefix, addresses that are given, and holes.
    pub ranges: Vec<(Prefix, Interval, Vec<Interval>)>,
    /// The gateways.
    pub gateways: Vec<IpAddr>,
    /// Routes that come with an address: destination and next hop.
    pub routes: Vec<(Prefix, Option<IpAddr>)>,
    /// Whether the gateway becomes a default route.
    pub default_route: bool,
    /// Whether each node draws from a prefix of its own.
    pub per_node: bool,
}

/// The pool objects of a world, by key.
pub type Pools = std::collections::BTreeMap<Arc<str>, Pool>;

/// Where a NAD's text stands: what the reading depends on besides the text.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The NAD's namespace, if known.
    pub namespace: Option<&'a str>,
    /// The NAD's name.
    pub name: &'a str,
    /// The pool objects of the world.
    pub pools: &'a Pools,
    /// Whether pods have IPv6 addresses: decides what becomes of IPv6 default routes. `None` is unknown.
    pub pods_have_v6: Option<bool>,
}

/// A longer text is not read.
pub const LIMIT: usize = 256 * 1024;

/// What `config` (the text of `spec.config`) means.
pub fn read(config: &str, setting: Setting<'_>) -> Attachment {
    let mut remarks = decode::Remarks::default();
    let root = if config.len() > LIMIT {
        let why = format!("the text has {} bytes, and more than {LIMIT} are not read", config.len());
        remarks.fault("", why, "Shorten the text.");
        None
    } else {
        parse(config, &mut remarks)
    };
    let envelope = root.as_ref().and_then(|root| envelope::open(root, setting.name, &mut remarks));
    let attachment = match envelope {
        Some(envelope) => chain::Chain::new(setting, envelope.name.clone(), remarks).run(&envelope),
        None => Attachment::unread(remarks),
    };
    attachment.settled()
}

fn parse<'a>(config: &'a str, remarks: &mut decode::Remarks) -> Option<crate::tree::Node<'a>> {
    match crate::tree::parse(config) {
        Ok(node) => Some(node),
        Err(error) => {
            let why = if config.trim().is_empty() { "the text is blank".to_owned() } else { error.to_string() };
            let why = format!("{why} (line {}, column {})", error.line, error.column);
            remarks.fault("", why, "Write one CNI configuration as JSON, and nothing after it.");
            None
        }
    }
}

impl Attachment {
    /// Of a NAD without `spec.config`: Multus takes a file of this name on the node.
    pub fn file_backed() -> Self {
        let why = "the NAD has no `spec.config`, so Multus takes a file of its name on the node";
        let mut remarks = decode::Remarks::default();
        remarks.opaque("", why, "Write the CNI configuration into `spec.config`.");
        let gaps = Field::ALL.map(|field| Gap { field, family: None, why: why.to_owned() }).into();
        Self { opaque: remarks.opaque, gaps, ..Self::default() }
    }

    /// Of a NAD whose `spec.config` is no text; `type_name` says what it is, for example `a mapping`.
    pub fn not_text(type_name: &str) -> Self {
        let mut remarks = decode::Remarks::default();
        let why = format!("`spec.config` must be a string that holds JSON, not {type_name}");
        remarks.fault("", why, "Put the JSON into a block scalar (`config: |`).");
        Self::unread(remarks)
    }

    /// Of a text from which no plugin can be told.
    fn unread(remarks: decode::Remarks) -> Self {
        let decode::Remarks { faults, ambiguities, oddities, opaque } = remarks;
        Self { faults, ambiguities, oddities, opaque, ..Self::default() }
    }

    /// Every remark once, and a gap for what ambiguous objects would decide.
    fn settled(mut self) -> Self {
        for notes in [&mut self.faults, &mut self.ambiguities, &mut self.oddities, &mut self.opaque] {
            notes.sort();
            notes.dedup();
        }
        for note in &self.ambiguities {
            let fields: &[Field] = match () {
                () if note.pointer.contains("/dns/") => &[Field::Fails],
                () if note.pointer.contains("/routes/") => &[Field::Routes, Field::Fails],
                () => &Field::ALL,
            };
            let gap = |field: &Field| Gap { field: *field, family: None, why: note.why.clone() };
            self.gaps.extend(fields.iter().map(gap));
        }
        self.gaps.sort();
        self.gaps.dedup();
        self.shrink();
        self
    }
}

impl Attachment {
    /// Gives back the room that the lists of few entries do not use: thousands of attachments are kept.
    fn shrink(&mut self) {
        self.chain.shrink_to_fit();
        self.addresses.shrink_to_fit();
        self.routes.shrink_to_fit();
        self.gaps.shrink_to_fit();
        self.leases.shrink_to_fit();
        for notes in [&mut self.faults, &mut self.ambiguities, &mut self.oddities, &mut self.opaque] {
            notes.shrink_to_fit();
        }
    }

    /// Whether it is certain that virt-handler gets no address because none is asked for.
    pub fn gives_no_address(&self) -> bool {
        let open = self.gaps.iter().any(|gap| gap.field == Field::Addresses);
        self.bare && self.addresses.is_empty() && self.dhcp.is_none() && !open
    }

    /// Pools that serve the whole cluster: pool, usable addresses, the key that gives it.
    ///
    /// A prefix of one or two addresses has no pool: its IPAM plugin refuses it.
    pub fn pools(&self) -> impl Iterator<Item = (Interval, u128, &Pointer)> {
        let large = |address: &&Address| address.prefix.length() + 2 <= address.prefix.family().bits();
        let shared = self.addresses.iter().filter(|address| address.scope == Scope::Cluster).filter(large);
        shared.filter_map(|address| match &address.taken {
            Taken::Pool(pool, holes) => {
                Some((*pool, crate::net::free_count(*pool, holes.iter().copied()), &address.pointer))
            }
            Taken::Fixed(_) => None,
        })
    }

    /// Whether the address is a neighbour on the attachment: in an on-link prefix, or link-local IPv6.
    pub fn is_on_link(&self, address: IpAddr) -> bool {
        let link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        link_local || self.addresses.iter().any(|own| own.prefix.holds(address))
    }
}
