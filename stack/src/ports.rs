//! Which port each server listens on.
//!
//! Ports come in blocks of ten, one block per server or per app with its
//! sidecar, so that a port can be told from its block and its offset.
//!
//! | block | first port in the standard plan |
//! |---|---|
//! | postgres, kafka, placement, placement-2, scheduler, sentry, issuer, model | 7600, 7610, … 7670 |
//! | projector and further consumers | 7700, 7710, … |
//! | backend 1, 2, … with its sidecar | 8000, 8010, … |
//! | frontend with its sidecar | 3000 |
//!
//! | offset | kafka | placement, scheduler, sentry | an app with its sidecar |
//! |---|---|---|---|
//! | 0 | clients | gRPC | the app's API |
//! | 1 | controller | health | the app's callbacks |
//! | 2 | | metrics, but not sentry's | the app's metrics |
//! | 3 | | placement's raft; the scheduler's etcd for its clients | the sidecar's HTTP API |
//! | 4 | | the scheduler's etcd for its peers | its gRPC API |
//! | 5 | | | it, for other sidecars |
//! | 6 | | | its metrics |

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};

use crate::frontend;

/// How ports are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ports {
    /// Any free ones: for tests, which may run beside anything.
    #[default]
    Free,
    /// The documented ones: for `cargo stack up`.
    Standard,
}

/// The ports of one stack, handed out block by block.
#[derive(Debug)]
pub(crate) struct PortPlan {
    ports: Ports,
    blocks: BTreeMap<String, u16>,
}

/// Servers with a fixed place in the standard plan, in the order of their blocks.
const SERVERS: [&str; 8] = [
    "postgres",
    "kafka",
    "placement",
    "placement-2",
    "scheduler",
    "sentry",
    "issuer",
    "model",
];
const FIRST_SERVER: u16 = 7600;
const FIRST_CONSUMER: u16 = 7700;
const FIRST_BACKEND: u16 = 8000;
const FRONTEND: u16 = 3000;
const BLOCK: u16 = 10;
/// Free ports are taken below the range from which the kernel serves outgoing
/// connections: one of those could sit on a port between our look and the
/// server's bind, or while a killed server is away.
const FREE_FROM: u16 = 12_000;
const FREE_TO: u16 = 32_000;

/// The first ports of all free blocks that this process has handed out. Stacks may start side by
/// side, and a server that is stopped for a while finds its port as it was.
static HANDED_OUT: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// The address of what speaks HTTP on a port of this machine.
pub(crate) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

impl PortPlan {
    pub fn new(ports: Ports) -> Self {
        Self {
            ports,
            blocks: BTreeMap::new(),
        }
    }

    /// The first port of `name`'s block; `used` is how many ports of it are needed.
    pub fn block(&mut self, name: &str, used: u16) -> Result<u16> {
        if let Some(first) = self.blocks.get(name) {
            return Ok(*first);
        }
        let first = match self.ports {
            Ports::Standard => {
                let first = self.standard(name)?;
                for port in first..first + used {
                    free(name, port)?;
                }
                first
            }
            Ports::Free => any(used)?,
        };
        self.blocks.insert(name.to_owned(), first);
        Ok(first)
    }

    /// The first port of a block handed out before.
    pub fn known(&self, name: &str) -> Option<u16> {
        self.blocks.get(name).copied()
    }

    /// A port that no server of this stack had before. A sidecar whose calls to another were
    /// refused tries that address again only after a wait that grows, and would not find a new
    /// replica there for seconds; on a cluster a new pod has a new address.
    pub fn fresh() -> Result<u16> {
        any(1)
    }

    fn standard(&self, name: &str) -> Result<u16> {
        if let Some(place) = SERVERS.iter().position(|server| *server == name) {
            return Ok(FIRST_SERVER + BLOCK * u16::try_from(place)?);
        }
        if let Some(number) = name.strip_prefix("backend-") {
            let number: u16 = number.parse()?;
            if !(1..=50).contains(&number) {
                bail!("at most 50 replicas can run on one machine, not {number}");
            }
            return Ok(FIRST_BACKEND + BLOCK * (number - 1));
        }
        if name == frontend::NAME {
            return Ok(FRONTEND);
        }
        let taken = |first: &u16| self.blocks.values().any(|block| block == first);
        Ok((0..)
            .map(|place| FIRST_CONSUMER + BLOCK * place)
            .find(|first| !taken(first))
            .unwrap_or(FIRST_CONSUMER))
    }
}

/// A block that nobody had before, with so many free ports.
fn any(used: u16) -> Result<u16> {
    let span = u32::from((FREE_TO - FREE_FROM) / BLOCK);
    let mut handed_out = HANDED_OUT.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..500 {
        let place = u16::try_from(getrandom::u32()? % span)?;
        let first = FREE_FROM + place * BLOCK;
        if !handed_out.contains(&first) && (first..first + used).all(is_free) {
            handed_out.insert(first);
            return Ok(first);
        }
    }
    bail!("no free ports were found between {FREE_FROM} and {FREE_TO}")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn free(name: &str, port: u16) -> Result<()> {
    if is_free(port) {
        return Ok(());
    }
    match holder(port) {
        Some((pid, program)) => bail!(
            "port {port}, which {name} needs, is taken by {program} (process {pid}): stop it first"
        ),
        None => {
            bail!("port {port}, which {name} needs, is taken by another program: stop it first")
        }
    }
}

/// The process that listens on a port, as far as /proc shows it.
fn holder(port: u16) -> Option<(u32, String)> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| listening_inode(&table, port))?;
    let socket = format!("socket:[{inode}]");
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Ok(pid) = process.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        let Ok(files) = fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        let holds = files
            .flatten()
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|target| target.to_string_lossy() == socket);
        if holds {
            let program = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some((pid, program.trim().to_owned()));
        }
    }
    None
}

/// Finds the inode of the socket that listens (state 0A) on `port`.
fn listening_inode(table: &str, port: u16) -> Option<u64> {
    let suffix = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let listens = fields.get(1)?.ends_with(&suffix) && *fields.get(3)? == "0A";
        if listens {
            fields.get(9)?.parse().ok()
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_plan_is_the_documented_one() {
        let plan = PortPlan::new(Ports::Standard);
        assert_eq!(plan.standard("postgres").unwrap(), 7600);
        assert_eq!(plan.standard("issuer").unwrap(), 7660);
        assert_eq!(plan.standard("backend-1").unwrap(), 8000);
        assert_eq!(plan.standard("backend-3").unwrap(), 8020);
        assert_eq!(plan.standard("projector").unwrap(), 7700);
        assert_eq!(plan.standard("frontend").unwrap(), 3000);
        assert!(plan.standard("backend-51").is_err());
    }

    #[test]
    fn free_blocks_differ_and_are_remembered() {
        let mut plan = PortPlan::new(Ports::Free);
        let one = plan.block("backend-1", 7).unwrap();
        let two = plan.block("backend-2", 7).unwrap();
        assert_ne!(one, two);
        assert_eq!(plan.block("backend-1", 7).unwrap(), one);
    }

    #[test]
    fn two_stacks_never_have_a_block_in_common() {
        let mut plans = [PortPlan::new(Ports::Free), PortPlan::new(Ports::Free)];
        let mut blocks = BTreeSet::new();
        for number in 0..100 {
            for plan in &mut plans {
                let name = format!("backend-{number}");
                assert!(blocks.insert(plan.block(&name, 7).unwrap()));
            }
        }
        assert!(blocks.insert(PortPlan::fresh().unwrap()));
    }

    #[test]
    fn a_taken_port_is_named_with_its_holder() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let sentence = free("backend-1", port).unwrap_err().to_string();
        assert!(sentence.contains(&port.to_string()), "{sentence}");
        assert!(
            sentence.contains(&std::process::id().to_string()),
            "{sentence}"
        );
    }

    #[test]
    fn the_socket_table_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0\n\
            1: 0100007F:1F41 0100007F:1F40 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0";
        assert_eq!(listening_inode(table, 8000), Some(4242));
        assert_eq!(listening_inode(table, 8001), None);
    }
}
