//! What was measured, beside what was aimed at.

use crate::load::{Post, Slice};
use crate::{End, SERVERS};
use std::time::Duration;

/// A slice whose server had to wait for longer than this share of it is not clean.
const FOREIGN: f64 = 0.12;
/// Times the processor time of the control server, by body.
const CPU: [(&str, f64); 2] = [("NAD CREATE", 1.05), ("KubeVirt UPDATE", 1.1)];
/// MiB.
const MEMORY: [(&str, f64); 2] = [("RSS idle", 12.0), ("RSS after load", 20.0)];
/// From exec.
const START: Duration = Duration::from_millis(15);

/// A body at a number of connections, and the slices of each server by round.
pub struct Cell<'p> {
    pub post: &'p Post,
    pub count: usize,
    pub slices: Vec<Vec<Slice>>,
}

impl Cell<'_> {
    fn is_clean(slice: &Slice) -> bool {
        slice.waited <= FOREIGN
    }

    /// Of the clean slices of a server, or of all if none is clean.
    fn values(&self, server: usize, of: impl Fn(&Slice) -> f64) -> Vec<f64> {
        let all = &self.slices[server];
        let dirty = !all.iter().any(Self::is_clean);
        sorted(all.iter().filter(|slice| dirty || Self::is_clean(slice)).map(of))
    }

    /// Processor time over the control server's: of the best slices, and the median of the ratios of each round.
    fn ratios(&self, server: usize) -> (f64, f64) {
        let best = self.values(server, |slice| slice.cpu)[0] / self.values(0, |slice| slice.cpu)[0];
        let pairs = self.slices[server].iter().zip(&self.slices[0]);
        let rounds = sorted(pairs.map(|(own, control)| own.cpu / control.cpu));
        (best, median(&rounds))
    }

    fn print(&self) {
        for (server, name) in SERVERS.iter().enumerate() {
            let (rates, cpu) = (self.values(server, |slice| slice.rate), self.values(server, |slice| slice.cpu));
            let (p50, p99) = (self.values(server, |slice| slice.p50), self.values(server, |slice| slice.p99));
            let head = if server == 0 { format!("at {} at once", self.count) } else { String::new() };
            let (best, median_ratio) = self.ratios(server);
            println!(
                "{head:>15}  {name:<19}{:>9.0}{:>9.0}{:>8.0}{:>8.0}{:>9.1}{:>8.1}{best:>8.2}{median_ratio:>8.2}",
                rates[rates.len() - 1],
                median(&rates),
                median(&p50),
                median(&p99),
                cpu[0],
                median(&cpu),
            );
        }
    }
}

/// Everything, in the order of interest.
pub fn print(cells: &[Cell<'_>], starts: &[Vec<Duration>], ends: &[End]) {
    let mut last = "";
    for cell in cells {
        if cell.post.name != last {
            last = cell.post.name;
            println!("\n{last}, {:.1} KB", kilo(cell.post.body.len()));
            println!(
                "{:36}{:>9}{:>9}{:>8}{:>8}{:>9}{:>8}{:>8}{:>8}",
                "", "req/s", "median", "p50 us", "p99 us", "CPU us", "median", "ratio", "median"
            );
        }
        cell.print();
    }
    let slices = || cells.iter().flat_map(|cell| cell.slices.iter().flatten());
    let (all, clean) = (slices().count(), slices().filter(|slice| Cell::is_clean(slice)).count());
    println!("\n{clean} of {all} slices are clean: others had less than {:.0} % of the server's core", FOREIGN * 100.0);
    for (name, End { memory, asked, lines }) in SERVERS.iter().zip(ends) {
        let [idle, loaded, peak] = memory.map(mib);
        println!(
            "{name:<19} RSS idle {idle:.1} MiB, after load {loaded:.1}, at most {peak:.1}; {asked} reviews, {lines} lines of log"
        );
    }
    print_aims(cells, starts, ends);
}

fn print_aims(cells: &[Cell<'_>], starts: &[Vec<Duration>], ends: &[End]) {
    println!("\n{:28}{:>9}   measured", "", "aim");
    for (server, name) in SERVERS.iter().enumerate().skip(1) {
        println!("{}", name.trim());
        for (post, aim) in CPU {
            let mut own = cells.iter().filter(|cell| cell.post.name == post).peekable();
            if own.peek().is_none() {
                continue;
            }
            let ratios: Vec<_> = own.map(|cell| (cell.count, cell.ratios(server))).collect();
            let told: Vec<_> = ratios
                .iter()
                .map(|(count, (best, median))| format!("{best:.2} (median {median:.2}) at {count}"))
                .collect();
            let worst = ratios.iter().map(|(_, (best, _))| *best).fold(0.0, f64::max);
            line(&format!("CPU per {post}, ratio"), &format!("{aim}"), &told.join(", "), worst <= aim);
        }
        for (at, (what, aim)) in MEMORY.into_iter().enumerate() {
            let used = mib(ends[server].memory[at]);
            line(&format!("{what}, MiB"), &format!("{aim}"), &format!("{used:.1}"), used <= aim);
        }
        let millis = |time: &Duration| time.as_secs_f64() * 1e3;
        let times = sorted(starts[server].iter().map(millis));
        let control = sorted(starts[0].iter().map(millis));
        let told = format!(
            "{:.1} (median {:.1}; control {:.1}, median {:.1})",
            times[0],
            median(&times),
            control[0],
            median(&control)
        );
        line("exec to first answer, ms", &format!("{}", millis(&START)), &told, median(&times) <= millis(&START));
    }
}

fn line(what: &str, aim: &str, told: &str, met: bool) {
    println!("  {what:<30}{:>5}   {told}: {}", format!("<= {aim}"), if met { "met" } else { "not met" });
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

#[allow(clippy::cast_precision_loss)]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

#[allow(clippy::cast_precision_loss)]
fn kilo(bytes: usize) -> f64 {
    bytes as f64 / 1e3
}
