//! The images' recipes, the pipeline, the alerts and the updates of dependencies, as their own
//! checkers see them, and what no checker knows of this checkout.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use todo_stack::{packages, promtool};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file of the checkout with one of these names, from its root.
fn files(names: &[&str]) -> Vec<PathBuf> {
    const NOT_OURS: [&str; 4] = [".git", ".next", "node_modules", "target"];
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = folder.join(&name);
            if entry.file_type().unwrap().is_dir() {
                if !NOT_OURS.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if names.contains(&name.as_str()) {
                found.push(path);
            }
        }
    }
    found
}

#[track_caller]
fn passes(command: &mut Command) {
    let output = command.current_dir(root()).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A program of `stack/lint/requirements.txt`.
fn checker(name: &str) -> PathBuf {
    let python = packages::python(&root().join("stack/lint")).unwrap();
    python.with_file_name(name)
}

#[test]
fn hadolint_finds_nothing_in_the_images_recipes() {
    let recipes = files(&["Dockerfile"]);
    assert!(recipes.contains(&PathBuf::from("Dockerfile")));
    passes(Command::new(checker("hadolint")).args(recipes));
}

#[test]
fn actionlint_and_zizmor_find_nothing_in_the_pipeline() {
    let actionlint = packages::go(&root().join("stack/lint")).unwrap();
    passes(
        Command::new(actionlint.join("actionlint"))
            .arg("-shellcheck")
            .arg(checker("shellcheck")),
    );
    passes(Command::new(checker("zizmor")).args([
        "--offline",
        "--quiet",
        "--persona=pedantic",
        "--config=stack/lint/zizmor.yml",
        ".github",
    ]));
}

/// What follows a word on its line, wherever the word begins one.
fn after<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let lines = text
        .lines()
        .map(|line| line.trim_start_matches([' ', '-', '{']));
    lines.filter_map(|line| line.strip_prefix(word)).collect()
}

#[test]
fn every_alert_fires_when_it_should_stays_quiet_when_not_and_says_what_to_do() {
    let promtool = promtool().unwrap();
    let rules = [
        "check",
        "rules",
        "--lint=all",
        "--lint-fatal",
        "chart/rules/todo.yaml",
    ];
    passes(Command::new(&promtool).args(rules));
    passes(Command::new(&promtool).args(["test", "rules", "chart/rules/todo.test.yaml"]));
    // And none is forgotten
    let (rules, tests) = (
        read("chart/rules/todo.yaml"),
        read("chart/rules/todo.test.yaml"),
    );
    let runbook = read("docs/operate.md");
    let alerts = after(&rules, "alert: ");
    assert!(alerts.len() > 10, "{alerts:?}");
    for alert in &alerts {
        let quiet = format!("alertname: {alert}, exp_alerts: [] }}");
        assert!(tests.contains(&quiet), "nothing tries {alert} in quiet");
        let firing = format!("alertname: {alert}\n        exp_alerts:\n          - exp_labels:");
        assert!(tests.contains(&firing), "nothing lets {alert} fire");
        let section = format!("\n### {alert}\n");
        assert!(runbook.contains(&section), "docs/operate.md lacks {alert}");
    }
    let pages = after(&rules, "runbook_url: docs/operate.md#");
    let anchors: Vec<String> = alerts.iter().map(|alert| alert.to_lowercase()).collect();
    assert_eq!(pages, anchors);
    for section in after(&runbook, "### Todo") {
        assert!(
            alerts.contains(&format!("Todo{section}").as_str()),
            "docs/operate.md tells of Todo{section}, of which nobody alerts"
        );
    }
}

#[test]
fn every_base_image_is_one_digest_and_brings_the_rust_we_use() {
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.split('"').nth(1).unwrap();
    let mut rust = 0;
    let recipes = files(&["Dockerfile"]).into_iter();
    for path in recipes.chain([PathBuf::from(".github/workflows/test.yml")]) {
        let text = read(path.to_str().unwrap());
        let images = text
            .lines()
            .filter_map(|line| {
                let line = line.trim();
                line.strip_prefix("FROM ")
                    .or_else(|| line.strip_prefix("container: "))
            })
            .map(|line| line.split(' ').next().unwrap())
            // The others are stages of the same file.
            .filter(|image| image.contains(':'));
        for image in images {
            let (tag, digest) = image
                .split_once("@sha256:")
                .unwrap_or_else(|| panic!("{image} in {} has no digest", path.display()));
            assert_eq!(digest.len(), 64, "{image}");
            if let Some(version) = tag.strip_prefix("rust:") {
                assert!(version.starts_with(&format!("{channel}-")), "{image}");
                rust += 1;
            }
        }
    }
    assert_eq!(rust, 2, "the image is built, and tests run, with Rust");
}

/// What nobody proposes an update for follows what somebody does.
#[test]
fn what_is_tested_with_is_what_builds_and_delivers() {
    let image = read("Dockerfile");
    let image = after(&image, "FROM rust:")[0].split(' ').next().unwrap();
    let tests = read(".github/workflows/test.yml");
    assert_eq!(after(&tests, "container: rust:"), [image]);

    let version = |file: &str, module: &str| {
        let text = read(file);
        let (_, after) = text.split_once(&format!("\t{module} v")).unwrap();
        after.lines().next().unwrap().to_owned()
    };
    let helm = version("stack/cluster/go.mod", "helm.sh/helm/v3");
    let deliver = read(".github/workflows/deliver.yml");
    let (_, setup) = deliver.split_once("uses: Azure/setup-helm@").unwrap();
    assert_eq!(after(setup, "version: v")[0], helm);

    let dapr = version("stack/servers/go.mod", "github.com/dapr/dapr");
    for page in ["README.md", "docs/operate.md"] {
        let installed = format!(" dapr/dapr --version {dapr} ");
        assert!(read(page).contains(&installed), "{page} lacks{installed}");
    }
}

#[test]
fn the_folder_for_what_is_in_an_image_is_made_before_that_is_listed() {
    // What lists them makes no folder, and no checker knows that.
    let deliver = read(".github/workflows/deliver.yml");
    let made = deliver.find(r#"mkdir "$RUNNER_TEMP/image""#).unwrap();
    let listed = deliver.find("output-file: ${{ runner.temp }}/image/");
    assert!(made < listed.unwrap());
}

#[test]
fn the_backend_can_be_built_from_what_its_image_is_given() {
    // Given the files .dockerignore lets through
    let context = tempfile::tempdir().unwrap();
    for path in read(".dockerignore")
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
    {
        let (from, to) = (root().join(path), context.path().join(path));
        assert!(from.exists(), ".dockerignore names {path}");
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        passes(Command::new("cp").arg("-r").arg(from).arg(to));
    }
    // Then cargo finds every package, and every target it is told of
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--locked"])
        .args(["--format-version=1"])
        .current_dir(context.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn the_chart_says_of_waiting_and_repeating_what_the_stack_says() {
    let policies = |text: &str| -> Vec<String> {
        let spec = text.split("\nspec:\n").nth(1).unwrap();
        let lines = spec.split('"').next().unwrap().lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| line.replace("{{", "{").replace("}}", "}"))
            .collect()
    };
    let chart = policies(&read("chart/templates/dapr-resiliency.yaml"));
    let stack = read("stack/src/dapr.rs");
    let tried = policies(stack.split("kind: Resiliency").nth(1).unwrap());
    assert!(tried.contains(&"actors:".to_owned()), "{tried:?}");
    for line in tried {
        assert!(chart.contains(&line), "the chart's Resiliency lacks {line}");
    }
}

#[test]
fn whatever_is_locked_or_pinned_is_kept_up_to_date() {
    let updates = read(".github/dependabot.yml");
    let looked_after = |ecosystem: &str, folder: &str| {
        updates
            .split("- package-ecosystem: ")
            .filter(|update| update.starts_with(ecosystem))
            .flat_map(|update| update.split([' ', '[', ']', ',', '\n']))
            .any(|word| word == folder)
    };
    for (ecosystem, file) in [
        ("cargo", "Cargo.lock"),
        ("npm", "package-lock.json"),
        ("gomod", "go.sum"),
        ("maven", "pom.xml"),
        ("pip", "requirements.txt"),
        ("docker", "Dockerfile"),
    ] {
        let found = files(&[file]);
        assert!(!found.is_empty(), "{file}");
        for path in found {
            let folder = format!("/{}", path.parent().unwrap().display());
            assert!(
                looked_after(ecosystem, &folder),
                ".github/dependabot.yml does not know {folder}/{file}"
            );
        }
    }
    assert!(looked_after("github-actions", "/"));
}
