//! The PostgreSQL cluster with the database `todo`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Url;

use crate::pki::ServerAuthority;
use crate::process::{Account, Signal, Spec};
use crate::servers::Servers;

/// The connection URL of the database, which has its clients check that a certificate of
/// `authority` is shown, if there is one.
pub(crate) fn url(
    password: &str,
    port: u16,
    authority: Option<&ServerAuthority>,
) -> Result<String> {
    let mut url = Url::parse(&format!("postgres://todo:{password}@127.0.0.1:{port}/todo"))?;
    if let Some(authority) = authority {
        url.query_pairs_mut()
            .append_pair("sslmode", "verify-full")
            .append_pair("sslrootcert", &authority.file.display().to_string());
    }
    Ok(url.into())
}

/// Makes the cluster unless it is there, and says how to start it. With an `authority` it takes
/// connections with TLS only. Blocks.
pub(crate) fn spec(
    servers: &Servers,
    dir: &Path,
    port: u16,
    password: &str,
    durable: bool,
    authority: Option<&ServerAuthority>,
) -> Result<Spec> {
    let account = account()?;
    let home = home(dir, account.is_some())?;
    let cluster = home.join("data");
    if !cluster.exists() {
        let unfinished = home.join("data.unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        create(servers, &home, &unfinished, password, account)?;
        fs::rename(&unfinished, &cluster)?;
    }
    // The superuser has no password and so cannot come in at all; `todo` can,
    // over loopback, with its own.
    let connections = if authority.is_some() {
        "hostssl"
    } else {
        "host"
    };
    fs::write(
        cluster.join("pg_hba.conf"),
        format!("{connections} all all 127.0.0.1/32 scram-sha-256\n"),
    )?;
    let fsync = if durable { "on" } else { "off" };
    let mut spec = Spec::new("postgres", servers.postgres.join("postgres"), dir)
        .arg("-D")
        .arg(cluster.display().to_string());
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        &format!("port={port}"),
        &format!("fsync={fsync}"),
        "max_connections=200",
        "shared_buffers=64MB",
        "log_min_duration_statement=1000",
    ] {
        spec = spec.arg("-c").arg(setting);
    }
    if let Some(authority) = authority {
        let (certificate, key) = (home.join("server.crt"), home.join("server.key"));
        authority.write("postgres", &certificate, &key)?;
        if let Some(account) = account {
            chown(&certificate, Some(account.uid), Some(account.gid))?;
            chown(&key, Some(account.uid), Some(account.gid))?;
        }
        spec = spec
            .args(["-c", "ssl=on", "-c", "ssl_cert_file=../server.crt"])
            .args(["-c", "ssl_key_file=../server.key"]);
    }
    spec.dir = home;
    spec.account = account;
    // A fast shutdown: does not wait for clients to go.
    spec.stop = Signal::Int;
    // An immediate one: still takes its shared memory away.
    spec.abandon = Signal::Quit;
    spec.grace = Duration::from_secs(20);
    Ok(spec)
}

/// PostgreSQL refuses to run as root: it then runs as `postgres` or `nobody`.
fn account() -> Result<Option<Account>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd").context("/etc/passwd cannot be read")?;
    let found = ["postgres", "nobody"]
        .iter()
        .find_map(|name| find_account(&accounts, name));
    match found {
        Some(account) => Ok(Some(account)),
        None => bail!(
            "PostgreSQL does not run as root, and there is no account postgres or nobody to run it as"
        ),
    }
}

fn find_account(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let mut ids = fields.skip(1);
        Some(Account {
            uid: ids.next()?.parse().ok()?,
            gid: ids.next()?.parse().ok()?,
        })
    })
}

/// The folder for the cluster: in `dir`, unless PostgreSQL's own account could
/// not get there, as in a checkout under /root.
fn home(dir: &Path, other_account: bool) -> Result<PathBuf> {
    let passable = |dir: &Path| {
        dir.ancestors().all(|above| {
            above
                .metadata()
                .is_ok_and(|meta| meta.permissions().mode() & 0o001 != 0)
        })
    };
    let dir = fs::canonicalize(dir)?;
    if !other_account || passable(&dir) {
        return Ok(dir.join("postgres"));
    }
    let name: String = dir
        .display()
        .to_string()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    Ok(Path::new("/var/tmp").join(format!("todo-stack{name}")))
}

fn create(
    servers: &Servers,
    home: &Path,
    cluster: &Path,
    password: &str,
    account: Option<Account>,
) -> Result<()> {
    fs::create_dir_all(home).with_context(|| format!("{} cannot be made", home.display()))?;
    let run = |program: &str| command(&servers.postgres.join(program), home, account);
    if let Some(account) = account {
        chown(home, Some(account.uid), Some(account.gid))?;
    }
    let output = run("initdb")
        .arg("-D")
        .arg(cluster)
        .args([
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "--auth=trust",
        ])
        .output()
        .context("initdb cannot be started")?;
    if !output.status.success() {
        bail!(
            "initdb failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let statements = [
        format!("CREATE ROLE todo LOGIN PASSWORD '{password}'"),
        "CREATE DATABASE todo OWNER todo".to_owned(),
    ];
    single_user(run("postgres"), cluster, &statements).context("the database cannot be made")
}

/// A program of PostgreSQL's, which runs in a folder as an account.
fn command(program: &Path, dir: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir);
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// Has a cluster that does not run carry out statements, which takes no client program.
fn single_user(mut postgres: Command, cluster: &Path, statements: &[String]) -> Result<()> {
    let mut single = postgres
        .args(["--single", "-c", "fsync=off", "-D"])
        .arg(cluster)
        .arg("postgres")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("postgres cannot be started")?;
    if let Some(mut input) = single.stdin.take() {
        for statement in statements {
            writeln!(input, "{statement}")?;
        }
    }
    let output = single.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || said.contains("ERROR:") {
        bail!("{}", said.trim());
    }
    Ok(())
}

/// Has the cluster send its changes to another and take in another's, which needs a user who may
/// do anything. Blocks.
pub(crate) fn replicating(spec: Spec) -> Result<Spec> {
    let postgres = command(&spec.program, &spec.dir, spec.account);
    let statements = ["ALTER ROLE todo SUPERUSER".to_owned()];
    single_user(postgres, Path::new("data"), &statements)
        .context("the database's user cannot be made superuser")?;
    Ok(spec.args(["-c", "wal_level=logical"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_in_passwd() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104:,,,:/var/lib:/bin/bash\n";
        let account = find_account(passwd, "postgres").unwrap();
        assert_eq!((account.uid, account.gid), (101, 104));
        assert!(find_account(passwd, "nobody").is_none());
    }

    #[test]
    fn a_private_folder_moves_the_cluster_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let moved = home(dir.path(), true).unwrap();
        assert!(moved.starts_with("/var/tmp"), "{}", moved.display());
        let stays = home(dir.path(), false).unwrap();
        assert!(stays.ends_with("postgres"), "{}", stays.display());
    }
}
