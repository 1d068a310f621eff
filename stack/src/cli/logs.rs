//! `cargo stack logs`: reads the files, so it also works when nothing runs any more.

use std::fs::File;
use std::io::{Read, Write};
use std::time::Duration;

use anyhow::{Result, bail};

/// Which log, and how much of it.
#[derive(Debug, clap::Args)]
pub struct Logs {
    /// The server's name, as `status` shows it.
    name: String,
    /// Go on showing what is added, until Ctrl-C.
    #[arg(short, long)]
    follow: bool,
    /// How many lines to begin with.
    #[arg(short = 'n', long, default_value_t = 200)]
    lines: usize,
}

/// Prints the end of the log, and follows it if asked to.
pub fn run(logs: &Logs) -> Result<()> {
    let file = format!("{}.log", logs.name);
    let dirs = [super::data_dir(), super::secure_data_dir()].map(|dir| dir.join("logs"));
    // Of the two stacks, the one that ran last.
    let newest = dirs
        .iter()
        .filter_map(|dir| File::open(dir.join(&file)).ok())
        .max_by_key(|file| file.metadata().and_then(|about| about.modified()).ok());
    let Some(mut file) = newest else {
        let mut names: Vec<String> = dirs
            .iter()
            .filter_map(|dir| std::fs::read_dir(dir).ok())
            .flatten()
            .flatten()
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".log")?.to_owned()))
            .collect();
        names.sort();
        names.dedup();
        bail!("{} has no log; there are {}", logs.name, names.join(", "));
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut out = std::io::stdout().lock();
    // A reader that closes the pipe, such as `head`, has seen enough.
    let mut seen = out.write_all(last_lines(&bytes, logs.lines));
    if !logs.follow {
        return Ok(());
    }
    while seen.and_then(|()| out.flush()).is_ok() {
        std::thread::sleep(Duration::from_millis(200));
        bytes.clear();
        file.read_to_end(&mut bytes)?;
        seen = out.write_all(&bytes);
    }
    Ok(())
}

fn last_lines(text: &[u8], lines: usize) -> &[u8] {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let breaks = body
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'\n');
    match lines.checked_sub(1) {
        None => &[],
        Some(before) => match breaks.map(|(place, _)| place).nth(before) {
            Some(place) => &text[place + 1..],
            None => text,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::last_lines;

    #[test]
    fn the_last_lines_are_whole_lines() {
        assert_eq!(last_lines(b"a\nb\nc\n", 2), b"b\nc\n");
        assert_eq!(last_lines(b"a\nb\nc", 1), b"c");
        assert_eq!(last_lines(b"a\nb\n", 9), b"a\nb\n");
        assert_eq!(last_lines(b"a\nb\n", 0), b"");
    }
}
