//! A stand-in for the API server, in a process of its own: plain HTTP/1.1, lists by pages, watches that stay open. It makes
//! each object when it is asked for, so it holds none of them.
//!
//! It prints its port, then `listed PATH MICROSECONDS` at the end of each list (of the clock of the system) and `written` for
//! each object that it is sent, and reads commands: `edit` sends a NAD that has changed, `end` ends the watches as too old, so that everything watched is listed
//! anew.

use crate::bodies;
use crate::large::{EDITED, edited_nad, nad, node};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bookmarks come so often.
const BOOKMARK: Duration = Duration::from_secs(30);

/// What the program reads of the cluster: served group, kind, and the list.
const SERVED: [(&str, &str, &str); 4] = [
    ("/api/v1", "nodes", "Node"),
    ("/apis/kubevirt.io/v1", "kubevirts", "KubeVirt"),
    ("/apis/k8s.cni.cncf.io/v1", "network-attachment-definitions", "NetworkAttachmentDefinition"),
    ("/apis/networking.k8s.io/v1", "servicecidrs", "ServiceCIDR"),
];

struct Cluster {
    nodes: usize,
    nads: usize,
    /// Of those that watch NADs: lines to send.
    watches: Mutex<Vec<Sender<String>>>,
    /// Whether the NAD is the edited one now, and the version of the last write.
    edited: Mutex<(bool, u64)>,
}

/// Serves until its input ends.
pub fn run(nodes: usize, nads: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let cluster = Arc::new(Cluster { nodes, nads, watches: Mutex::default(), edited: Mutex::new((false, 1000)) });
    let of_commands = Arc::clone(&cluster);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let cluster = Arc::clone(&cluster);
            std::thread::spawn(move || cluster.answer(stream));
        }
    });
    for line in std::io::stdin().lines().map_while(Result::ok) {
        match line.as_str() {
            "edit" => of_commands.edit(),
            _ => of_commands.end(),
        }
    }
}

impl Cluster {
    fn edit(&self) {
        let mut edited = self.edited.lock().unwrap();
        *edited = (!edited.0, edited.1 + 1);
        let nad = item("network-attachment-definitions", EDITED, *edited);
        let text = format!("{{\"type\":\"MODIFIED\",\"object\":{nad}}}\n");
        self.watches.lock().unwrap().retain(|watch| watch.send(text.clone()).is_ok());
    }

    fn end(&self) {
        let text = "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"message\":\"too old\"}}\n";
        self.watches.lock().unwrap().drain(..).for_each(|watch| drop(watch.send(text.to_owned())));
    }

    /// Each request of a connection, until it is closed.
    fn answer(&self, stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut reader = BufReader::new(stream);
        while let Some((path, query, body)) = request(&mut reader) {
            let stream = reader.get_mut();
            // Whoever asked may be gone by now.
            let sent = match list_of(&path) {
                Some(plural) if query.contains("watch=true") => self.watch(stream, plural),
                Some(plural) => self.page(stream, &path, plural, &query),
                None if body.is_empty() => whole(stream, self.object(&path).or_else(|| discovery(&path)).as_deref()),
                None => {
                    println!("written");
                    whole(stream, Some(&body))
                }
            };
            if sent.is_err() {
                return;
            }
        }
    }

    /// What is read live: the KubeVirt, a NAD.
    fn object(&self, path: &str) -> Option<String> {
        let parts: Vec<_> = path.split("/namespaces/").nth(1)?.split('/').collect();
        let [namespace, plural, name] = parts.as_slice() else { return None };
        let at = match *plural {
            "kubevirts" => 0,
            "network-attachment-definitions" => {
                let number = |text: &str, start: &str| text.strip_prefix(start)?.parse::<usize>().ok();
                number(namespace, "tenant-")? * 50 + number(name, "tenant-net-")?
            }
            _ => return None,
        };
        Some(item(plural, at, *self.edited.lock().unwrap()))
    }

    fn count(&self, plural: &str) -> usize {
        match plural {
            "nodes" => self.nodes,
            "network-attachment-definitions" => self.nads,
            _ => 1,
        }
    }

    fn page(&self, stream: &mut TcpStream, path: &str, plural: &str, query: &str) -> std::io::Result<()> {
        let number = |key: &str| {
            query.split('&').find_map(|one| one.strip_prefix(key)?.strip_prefix('=')?.parse::<usize>().ok())
        };
        let (from, all) = (number("continue").unwrap_or(0), self.count(plural));
        let end = all.min(from + number("limit").unwrap_or(all));
        let edited = *self.edited.lock().unwrap();
        let next = if end < all { format!(",\"continue\":\"{end}\"") } else { String::new() };
        let mut text =
            format!("{{\"kind\":\"List\",\"metadata\":{{\"resourceVersion\":\"{}\"{next}}},\"items\":[", edited.1);
        for at in from..end {
            let comma = if at > from { "," } else { "" };
            let _ = write!(text, "{comma}{}", item(plural, at, edited));
        }
        text.push_str("]}");
        whole(stream, Some(&text))?;
        if end == all {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
            println!("listed {path} {now}");
        }
        Ok(())
    }

    fn watch(&self, stream: &mut TcpStream, plural: &str) -> std::io::Result<()> {
        let (sender, lines) = channel();
        if plural == "network-attachment-definitions" {
            self.watches.lock().unwrap().push(sender.clone());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        let ended = self.send_lines(stream, &lines);
        drop(sender);
        ended
    }

    fn send_lines(&self, stream: &mut TcpStream, lines: &Receiver<String>) -> std::io::Result<()> {
        loop {
            let line = lines.recv_timeout(BOOKMARK).unwrap_or_else(|_| {
                let version = self.edited.lock().unwrap().1;
                format!("{{\"type\":\"BOOKMARK\",\"object\":{{\"metadata\":{{\"resourceVersion\":\"{version}\"}}}}}}\n")
            });
            stream.write_all(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes())?;
            if line.contains("\"ERROR\"") {
                return stream.write_all(b"0\r\n\r\n");
            }
        }
    }
}

/// Path, query and body of the next request, if there is one.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, String, String)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|read| *read > 0)?;
        let header = header.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some((path.to_owned(), query.to_owned(), String::from_utf8(body).ok()?))
}

/// What a group serves; `None` if there is no such group.
fn discovery(path: &str) -> Option<String> {
    let (_, plural, kind) = SERVED.iter().find(|(root, ..)| *root == path)?;
    Some(format!("{{\"kind\":\"APIResourceList\",\"resources\":[{{\"name\":\"{plural}\",\"kind\":\"{kind}\"}}]}}"))
}

/// The plural of the list at a path.
fn list_of(path: &str) -> Option<&'static str> {
    let served = SERVED.iter().find(|(root, plural, _)| path.strip_prefix(root) == Some(&format!("/{plural}")));
    served.map(|(_, plural, _)| *plural)
}

/// An object of a list.
fn item(plural: &str, at: usize, (edited, version): (bool, u64)) -> String {
    let text = match plural {
        "nodes" => node(at),
        "kubevirts" => bodies::kubevirt("tenant-0/tenant-net-3", 4, 1, 4).to_string(),
        "servicecidrs" => r#"{"metadata":{"name":"kubernetes"},"spec":{"cidrs":["172.30.0.0/16"]}}"#.to_owned(),
        _ if at == EDITED && edited => edited_nad(),
        _ => nad(at),
    };
    text.replacen("\"metadata\":{", &format!("\"metadata\":{{\"resourceVersion\":\"{version}\","), 1)
}

/// A whole answer: this text, or that there is none.
fn whole(stream: &mut TcpStream, text: Option<&str>) -> std::io::Result<()> {
    let (status, text) = match text {
        Some(text) => ("200 OK", text),
        None => ("404 Not Found", r#"{"kind":"Status","code":404,"message":"not found"}"#),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", text.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(text.as_bytes())
}
