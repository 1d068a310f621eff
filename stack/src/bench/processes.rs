//! What servers use of the machine.

use std::fs;

use anyhow::{Context, Result};

use crate::Stack;
use crate::process::descendants;

/// What `/proc` counts processor time in, on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// The processor time that servers had so far, in seconds, in the order of their names in the
/// argument; of a server's children too.
///
/// # Errors
/// One of them does not run.
pub fn cpu_seconds<const N: usize>(stack: &Stack, servers: [&str; N]) -> Result<[f64; N]> {
    let mut seconds = [0.0; N];
    for (server, seconds) in servers.iter().zip(&mut seconds) {
        let pid = pid(stack, server)?;
        let of = |pid: u32| fs::read_to_string(format!("/proc/{pid}/stat"));
        let own = of(pid).with_context(|| format!("{server} has ended"))?;
        let mut ticks = ticks(&own, true).with_context(|| format!("{server}'s time is unknown"))?;
        for child in descendants(pid) {
            // One that has ended meanwhile is counted by its parent from now on.
            let child = u32::try_from(child).ok().and_then(|pid| of(pid).ok());
            ticks += child
                .and_then(|stat| self::ticks(&stat, false))
                .unwrap_or(0);
        }
        *seconds = ticks as f64 / TICKS_PER_SECOND;
    }
    Ok(seconds)
}

/// The processor time that whoever measures has had so far, in seconds.
///
/// # Errors
/// The kernel does not say.
pub fn own_cpu_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let ticks = ticks(&stat, false).context("our own processor time is unknown")?;
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

/// What a server has in memory, in megabytes; without its children.
///
/// # Errors
/// It does not run.
pub fn resident_megabytes(stack: &Stack, server: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid(stack, server)?));
    let status = status.with_context(|| format!("{server} has ended"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next())
        .and_then(|kib| kib.parse::<f64>().ok());
    let kib = kib.with_context(|| format!("the memory of {server} is unknown"))?;
    Ok(kib * 1024.0 / 1e6)
}

fn pid(stack: &Stack, server: &str) -> Result<u32> {
    stack
        .pid(server)
        .with_context(|| format!("{server} does not run"))
}

/// User and system time of a process; with that of its children that it has seen end.
fn ticks(stat: &str, with_ended: bool) -> Option<u64> {
    // "pid (name) state parent …", and a name may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let times = fields.split_whitespace().skip(11);
    let wanted = if with_ended { 4 } else { 2 };
    times
        .take(wanted)
        .map(|ticks| ticks.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_hides_no_times() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 106 0 0 0 30 12 5 2 20 0 1 0 4711";
        assert_eq!(ticks(stat, false), Some(42));
        assert_eq!(ticks(stat, true), Some(49));
        assert_eq!(ticks("nothing", true), None);
    }
}
