//! Values that clap would refuse one at a time, kept with what is wrong with them, and how they are read.

use anyhow::{Error, anyhow};
use std::convert::Infallible;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

/// A value, or what is wrong with it.
#[derive(Clone, Debug)]
pub(super) struct Checked<T>(Result<T, String>);

/// A parser for clap that refuses nothing.
pub(super) fn checked<T>(
    parse: fn(&str) -> Result<T, String>,
) -> impl Fn(&str) -> Result<Checked<T>, Infallible> + Clone {
    move |text| Ok(Checked(parse(text).map_err(|remedy| format!("is `{text}`; {remedy}."))))
}

/// All that is wrong.
#[derive(Default)]
pub(super) struct Faults(pub(super) Vec<Error>);

impl Faults {
    pub(super) fn add(&mut self, fault: Error) {
        self.0.push(fault);
    }

    pub(super) fn take<T: Clone>(&mut self, flag: &str, value: &Checked<T>) -> Option<T> {
        match &value.0 {
            Ok(value) => Some(value.clone()),
            Err(what) => {
                self.0.push(anyhow!("{} {what}", source(flag)));
                None
            }
        }
    }
}

/// Where a value comes from: the flag, or else its environment variable.
pub(super) fn source(flag: &str) -> String {
    let is_flag = |arg: OsString| arg.to_str().and_then(|arg| arg.split('=').next()) == Some(flag);
    match flag {
        _ if std::env::args_os().any(is_flag) => flag.to_owned(),
        "--namespace" => "POD_NAMESPACE".to_owned(),
        "--otlp-endpoint" => "OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(),
        _ => format!("KUBEVIRT_PREFLIGHT_{}", flag[2..].to_uppercase().replace('-', "_")),
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an address and a port, for example 0.0.0.0:9443 or [::]:9443".to_owned())
}

pub(super) fn threads(text: &str) -> Result<usize, String> {
    let threads = text.parse::<u8>().ok().filter(|threads| *threads > 0);
    threads.map(usize::from).ok_or_else(|| "write a number from 1 to 255".to_owned())
}

/// `5s`, `1m 30s`, `500ms`
pub(in crate::cli) fn time(text: &str) -> Result<Duration, String> {
    let time = text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    let time = time.filter(|time| *time <= Duration::from_secs(24 * 3600));
    time.ok_or_else(|| "write a time of a day at most, with its unit, for example 5s or 500ms".to_owned())
}

/// 1 to 65535
pub(super) fn count(text: &str) -> Result<usize, String> {
    let count = text.parse::<u16>().ok().filter(|count| *count > 0);
    count.map(usize::from).ok_or_else(|| "write a number from 1 to 65535".to_owned())
}
