//! A release on a real Kubernetes API with Dapr's real control plane: installed, brought to
//! another build, brought back, taken away.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{
    APPS, ENVIRONMENTS, EVERYTHING, OWN_SECRETS, Place, RELEASE, cluster, list, name, run, template,
};

#[test]
fn the_api_takes_every_rendering_to_the_letter() {
    run(async {
        let mut renderings = ENVIRONMENTS.map(|values| (values, vec![])).to_vec();
        renderings.push(("values-oke.yaml", vec!["--set", EVERYTHING]));
        for (values, more) in renderings {
            let text = template(values, &more).unwrap();
            let args = [
                "create",
                "--dry-run=server",
                "--validate=strict",
                "-n",
                "default",
            ];
            // Their namespace is the one they were rendered for.
            let text = text.replace("namespace: todo", "namespace: default");
            let args = [&args[..], &["-f", "-"]].concat();
            let made = cluster().await.kubectl_with(&args, &text).await.unwrap();
            assert!(made.lines().count() > 30, "{values}: {made}");
        }
    });
}

/// What follows a flag.
fn flag<'a>(arguments: &[&'a str], flag: &str) -> Option<&'a str> {
    let place = arguments.iter().position(|argument| *argument == flag)?;
    arguments.get(place + 1).copied()
}

fn container<'a>(pod: &'a Value, of: &str) -> &'a Value {
    let containers = list(&pod["spec"]["containers"]);
    let found = containers.iter().find(|container| container["name"] == of);
    found.unwrap_or_else(|| panic!("{} has no container {of}", name(pod)))
}

#[test]
fn every_pod_has_its_sidecar_with_what_it_needs() {
    run(async {
        // Given a namespace where Pod Security is `restricted`, when the release is installed.
        let place = Place::new("sidecars").await;
        place.upgrade("sha-1", &[]).await.unwrap();
        for app in APPS {
            let pods = place.pods(app).await;
            assert_eq!(pods.len(), 1, "{app}");
            let pod = &pods[0];
            // Then its pod has an app and a sidecar, and no more.
            assert_eq!(list(&pod["spec"]["containers"]).len(), 2, "{app}");
            let daprd = container(pod, "daprd");
            let arguments: Vec<&str> = list(&daprd["args"])
                .iter()
                .map(|argument| argument.as_str().unwrap())
                .collect();
            assert_eq!(flag(&arguments, "--app-id"), Some(app));
            assert_eq!(flag(&arguments, "--config"), Some(app));
            assert_eq!(flag(&arguments, "--mode"), Some("kubernetes"));
            assert_eq!(flag(&arguments, "--max-body-size"), Some("4Mi"));
            assert_eq!(flag(&arguments, "--metrics-port"), Some("9090"));
            assert_eq!(
                flag(&arguments, "--dapr-graceful-shutdown-seconds"),
                Some("10")
            );
            for is_there in [
                "--enable-mtls",
                "--log-as-json",
                "--disable-builtin-k8s-secret-store",
            ] {
                assert!(arguments.contains(&is_there), "{app}: {is_there}");
            }
            let environment = list(&daprd["env"]);
            for (name, value) in [("GOGC", "400"), ("GOMEMLIMIT", "200MiB")] {
                assert!(
                    environment.contains(&json!({ "name": name, "value": value })),
                    "{app}: {name}"
                );
            }
            let called = app != "frontend";
            assert_eq!(
                flag(&arguments, "--app-port"),
                called.then_some("8001"),
                "{app}"
            );
            assert_eq!(
                arguments.contains(&"--enable-app-health-check"),
                called,
                "{app}"
            );
            let blocked = if called { "25s" } else { "15s" };
            assert_eq!(
                flag(&arguments, "--dapr-block-shutdown-duration"),
                Some(blocked),
                "{app}"
            );
            if called {
                assert_eq!(
                    flag(&arguments, "--app-health-check-path"),
                    Some("/healthz")
                );
                assert_eq!(flag(&arguments, "--app-health-probe-interval"), Some("2"));
            }
            // And both know the tokens they show each other, the app by reference only.
            for (variable, secret, expected) in [
                ("DAPR_API_TOKEN", "dapr-api-token", true),
                ("APP_API_TOKEN", "dapr-app-token", called),
            ] {
                for side in [daprd, container(pod, app)] {
                    let env = list(&side["env"]);
                    let entry = env.iter().find(|entry| entry["name"] == variable);
                    assert_eq!(entry.is_some(), expected, "{app}: {variable}");
                    if let Some(entry) = entry {
                        assert_eq!(entry["valueFrom"]["secretKeyRef"]["name"], secret);
                    }
                }
            }
            // And the sidecar alone can ask the Kubernetes API, and sentry for a certificate.
            for path in [
                "/var/run/secrets/kubernetes.io/serviceaccount",
                "/var/run/secrets/dapr.io/sentrytoken",
            ] {
                let sees = |side: &Value| {
                    let mounts = list(&side["volumeMounts"]);
                    mounts.iter().any(|mount| mount["mountPath"] == path)
                };
                assert!(sees(daprd) && !sees(container(pod, app)), "{app}: {path}");
            }
            assert_eq!(pod["spec"]["serviceAccountName"], app);
            for bound in ["requests", "limits"] {
                for what in ["cpu", "memory"] {
                    assert!(daprd["resources"][bound][what].is_string(), "{app}");
                }
            }
        }
        // And no job got a sidecar, or it would never have ended; and `helm test` passes.
        assert!(place.items(&["jobs"]).await.is_empty());
        place
            .helm(&["test", RELEASE, "--timeout", "30s"])
            .await
            .unwrap();
        place.leave().await;
    });
}

#[test]
fn a_real_sidecar_lives_by_what_the_chart_says() {
    run(async {
        // Given the page's pod, of which the sidecar runs for once.
        let place = Place::new("identity").await;
        place.upgrade("sha-1", &[]).await.unwrap();
        let pod = place.pods("frontend").await.remove(0);
        let sidecar = place.cluster.run_sidecar(&pod).await.unwrap();
        let client = reqwest::Client::new();
        let ask = async |method: Method, path: &str, token: &str| {
            let request = client.request(method, format!("{}{path}", sidecar.url));
            let answer = request
                .header("dapr-api-token", token)
                .send()
                .await
                .unwrap();
            let status = answer.status().as_u16();
            (status, answer.json::<Value>().await.unwrap_or_default())
        };
        let get = async |path: &str| ask(Method::GET, path, &sidecar.api_token).await;
        // Then it lets nobody in without the token.
        let secrets = "/v1.0/secrets/kubernetes-secrets";
        let stranger = ask(Method::GET, &format!("{secrets}/app-secrets"), "x").await;
        assert_eq!(stranger.0, 401, "{stranger:?}");
        // And with its account's rights it reads the secret of the app, and no other.
        let (status, values) = get(&format!("{secrets}/app-secrets")).await;
        assert_eq!(
            (status, &values["BETTER_AUTH_SECRET"]),
            (200, &"y".into()),
            "{values}"
        );
        for other in ["kafka-secrets", "dapr-app-token"] {
            let (status, said) = get(&format!("{secrets}/{other}")).await;
            assert_eq!(status, 403, "{said}");
        }
        // And the rest of Dapr's API is not for the page: neither actors, nor state, nor topics.
        for (method, path) in [
            (Method::PUT, "/v1.0/actors/User/alice/method/list"),
            (Method::GET, "/v1.0/state/statestore/x"),
            (Method::POST, "/v1.0/publish/kafka-pubsub/task-events"),
            (Method::GET, "/v1.0/metadata"),
        ] {
            let (status, said) = ask(method, path, &sidecar.api_token).await;
            assert_eq!(status, 404, "{path}: {said}");
        }
        place.cluster.end_sidecar(&sidecar).await.unwrap();
        place.leave().await;
    });
}

#[test]
fn an_account_reads_the_secrets_it_needs_and_no_others() {
    run(async {
        let place = Place::new("accounts").await;
        place.upgrade("sha-1", &[]).await.unwrap();
        for app in APPS {
            let account = format!("system:serviceaccount:{}:{app}", place.name);
            for (secret, expected) in [
                ("secrets/app-secrets", true),
                ("secrets/kafka-secrets", app != "frontend"),
                ("secrets/dapr-api-token", false),
                ("secrets", false),
                ("pods", false),
            ] {
                let may = ["auth", "can-i", "get", secret, "--as", &account];
                assert_eq!(
                    place.kubectl(&may).await.is_ok(),
                    expected,
                    "{app}: {secret}"
                );
            }
        }
        place.leave().await;
    });
}

/// Every deployment runs the images of this build.
async fn runs(place: &Place, tag: &str) {
    let images = place.images().await;
    assert_eq!(images.len(), APPS.len());
    for (app, image) in images {
        assert!(image.ends_with(&format!(":{tag}")), "{app}: {image}");
    }
    // helm is content with a new pod that is ready, beside which an old one may still be.
    let only_this = || async {
        for app in APPS {
            for pod in place.pods(app).await {
                let image = container(&pod, app)["image"].as_str().unwrap();
                if !image.ends_with(&format!(":{tag}")) {
                    return None;
                }
            }
        }
        Some(())
    };
    let what = format!("no pod but those of {tag}");
    place.cluster.until(&what, only_this).await.unwrap();
}

#[test]
fn a_new_build_comes_and_goes_back() {
    run(async {
        // Given a release.
        let place = Place::new("upgrades").await;
        place.upgrade("sha-1", &[]).await.unwrap();
        let token = place.get(&["secret", "dapr-api-token"]).await.unwrap();
        // When another build comes, then it runs, the jobs have run before and are gone, and the
        // tokens are the same, so that old and new pods understand each other.
        place.upgrade("sha-2", &[]).await.unwrap();
        runs(&place, "sha-2").await;
        assert!(place.items(&["jobs"]).await.is_empty());
        let later = place.get(&["secret", "dapr-api-token"]).await.unwrap();
        assert_eq!(token["data"], later["data"]);
        // When it is taken back, then the first build runs again.
        let back = ["rollback", RELEASE, "--wait", "--timeout", "60s"];
        place.helm(&back).await.unwrap();
        runs(&place, "sha-1").await;
        let history = place
            .helm(&["history", RELEASE, "-o", "json"])
            .await
            .unwrap();
        let history: Value = serde_json::from_str(&history).unwrap();
        let states: Vec<_> = list(&history)
            .iter()
            .map(|entry| &entry["status"])
            .collect();
        assert_eq!(states, ["superseded", "superseded", "deployed"]);
        place.leave().await;
    });
}

#[test]
fn a_migration_that_fails_leaves_everything_as_it_was() {
    run(async {
        // Given a release, when a build comes whose migration fails.
        let place = Place::new("migrations").await;
        place.upgrade("sha-1", &[]).await.unwrap();
        let deadline = ["--set", "jobs.deadlineSeconds=10"];
        let said = place
            .upgrade("broken", &deadline)
            .await
            .unwrap_err()
            .to_string();
        // Then the upgrade fails, and the former build still runs.
        assert!(said.contains("pre-upgrade hooks failed"), "{said}");
        runs(&place, "sha-1").await;
        // When a good one comes, then nothing of the failure is in its way or left.
        place.upgrade("sha-3", &[]).await.unwrap();
        runs(&place, "sha-3").await;
        assert!(place.items(&["jobs"]).await.is_empty());
        place.leave().await;
    });
}

#[test]
fn the_charts_own_secrets_are_there_for_the_first_jobs() {
    run(async {
        // Given nothing, when the release is installed with secrets of its own.
        let place = Place::bare("secrets").await;
        let own = ["--set", OWN_SECRETS];
        place.upgrade("sha-1", &own).await.unwrap();
        // Then they are there, and the copy for the jobs is gone.
        let secrets = place
            .items(&["secrets", "--field-selector", "type=Opaque"])
            .await;
        let names: Vec<_> = secrets.iter().map(name).collect();
        assert_eq!(
            names,
            [
                "app-secrets",
                "dapr-api-token",
                "dapr-app-token",
                "kafka-secrets"
            ]
        );
        place.leave().await;
    });
}

#[test]
fn nothing_is_left_of_a_release_that_is_taken_away() {
    run(async {
        // Given what is in a namespace before a release.
        let place = Place::new("leaving").await;
        let kinds = [
            "api-resources",
            "--namespaced",
            "--verbs=list",
            "-o",
            "name",
        ];
        let kinds = place.kubectl(&kinds).await.unwrap();
        // Events tell what was, and pass by themselves.
        let kinds: Vec<&str> = kinds
            .lines()
            .filter(|kind| !kind.starts_with("events"))
            .collect();
        let kinds = kinds.join(",");
        let present = || async {
            let items = place.items(&[&kinds]).await;
            let identity = |object: &Value| json!([object["kind"], name(object)]).to_string();
            let mut identities: Vec<_> = items.iter().map(identity).collect();
            identities.sort();
            identities
        };
        let before = present().await;
        // When a release comes, changes and goes.
        place.upgrade("sha-1", &[]).await.unwrap();
        assert!(present().await.len() > before.len() + 40);
        place.upgrade("sha-2", &[]).await.unwrap();
        place.leave().await;
        // Then the same is there as before, once what others made for it is collected.
        let what = "the namespace is as before";
        let same = || async { (present().await == before).then_some(()) };
        place.cluster.until(what, same).await.unwrap();
    });
}
