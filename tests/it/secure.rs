//! A secured stack does the main job, and nobody comes in without a certificate, a password or a
//! token.

use std::{
    collections::BTreeSet, fs::Permissions, net::Ipv4Addr, os::unix::fs::PermissionsExt,
    path::Path, str::FromStr,
};

use jiff::{Timestamp, ToSpan};
use reqwest::{Client, Method, StatusCode};
use serde_json::json;
use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgSslMode},
};
use todo_actors::{
    event::Topic,
    sidecar::{DaprSidecar, Sidecar},
};
use todo_backend::kafka::{Connection, KafkaConfig, message::Metadata};
use todo_stack::{DaprAccess, Proof, Stack};

use crate::{
    callbacks::{self, listens_on},
    knock::{ALERT, forged, greet, greet_plainly},
    main_job,
    shared::{Lease, Shared},
    world::{Person, events, options, own, run},
};

static SECURED: Shared<Stack> = Shared::new();

/// A secured stack that nobody breaks, with two replicas that call each other.
async fn secured() -> Lease<Stack> {
    let start = async { Stack::start(options().secured().replicas(2)).await.unwrap() };
    SECURED.get(start).await
}

#[test]
fn the_main_job_is_done_from_the_sentence_to_the_reminder() {
    run(async {
        let stack = &secured().await;
        main_job::sentence(stack).await;
        let ann = Person::new(stack, 2, "ann-main");
        let due = Timestamp::now() + 3.seconds();
        let task = json!({ "title": "call mum", "due_at": due.to_string() });
        ann.send(Method::POST, "/tasks", None, Some(task))
            .await
            .ok();
        main_job::reminder(stack, "ann-main", "call mum", due).await;
    });
}

#[test]
fn replicas_reach_each_others_actors() {
    run(async {
        let stack = &secured().await;
        // Of so many people each replica holds some
        for number in 0..8 {
            let name = format!("neighbour-{number}");
            let here = Person::new(stack, 1, &name);
            here.add("water the plants", None).await.ok();
            let there = Person::new(stack, 2, &name);
            assert_eq!(there.tasks().await.len(), 1, "{name}");
        }
    });
}

#[test]
fn nothing_can_be_reached_from_elsewhere() {
    run(async {
        let stack = &secured().await;
        let servers = ["postgres", "kafka", "placement", "scheduler", "sentry"];
        let apps = ["backend-1", "backend-2", "projector", "auditor"];
        let mut seen = 0;
        for server in servers.iter().chain(&apps) {
            let first = stack.port(server).unwrap();
            for port in first..first + 7 {
                let found = listens_on(port);
                seen += found.len();
                let loopback = BTreeSet::from([Ipv4Addr::LOCALHOST.to_string()]);
                assert!(found.is_subset(&loopback), "{server} {port} {found:?}");
            }
        }
        assert!(seen > 30, "{seen} ports");
    });
}

#[test]
fn keys_and_passwords_lie_in_files_of_their_owner_alone() {
    run(async {
        let stack = &secured().await;
        let dir = stack.dir();
        let mut seen = 0;
        for name in ["secrets.json", "dapr-secrets.json", "kafka/keystore.pem"] {
            seen += strict(&dir.join(name));
        }
        seen += strict(&dir.join("kafka/server.properties"));
        for folder in ["kafka-secrets", "dapr/sentry"] {
            for file in std::fs::read_dir(dir.join(folder)).unwrap() {
                seen += strict(&file.unwrap().path());
            }
        }
        let tokens = std::fs::read_dir(dir.join("dapr")).unwrap();
        let tokens = tokens.map(|file| file.unwrap().path());
        seen += tokens
            .filter(|path| path.extension().is_some_and(|end| end == "token"))
            .map(|path| strict(&path))
            .sum::<usize>();
        // Four of the folder itself, two of Kafka's, four of sentry's, and at least a token each
        // for placement, the scheduler and three apps
        assert!(seen >= 15, "{seen} files");
    });
}

/// Counts a file that nobody but its owner may open.
#[track_caller]
fn strict(path: &Path) -> usize {
    let mode = std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{}", path.display());
    1
}

#[test]
fn a_second_start_finds_what_the_first_one_kept() {
    run(async {
        let dir = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o711))
            .tempdir()
            .unwrap();
        let start = async || {
            let mut options = options().secured();
            options.dir = Some(dir.path().to_owned());
            own(options).await
        };
        let first = start().await;
        let task = Person::new(&first, 1, "ann").add("sow peas", None).await;
        task.ok();
        first.shutdown().await.unwrap();
        // With other certificates, and the same passwords
        let second = start().await;
        let tasks = Person::new(&second, 1, "ann").tasks().await;
        assert_eq!(tasks.len(), 1);
        assert!(!events(&second, "task-events", "ann").await.is_empty());
        second.shutdown().await.unwrap();
    });
}

#[test]
fn postgres_wants_encryption_and_the_password() {
    run(async {
        let stack = &secured().await;
        let good = PgConnectOptions::from_str(stack.database_url()).unwrap();
        good.connect().await.unwrap();

        let error = refused(good.clone().ssl_mode(PgSslMode::Disable)).await;
        assert!(error.contains("no pg_hba.conf entry"), "{error}");
        assert!(error.contains("no encryption"), "{error}");
        let error = refused(good.clone().password("guessed")).await;
        assert!(error.contains("password authentication failed"), "{error}");
        // And a client does not talk to a server its authorities do not know
        let url = stack.database_url().split('?').next().unwrap();
        let strange = PgConnectOptions::from_str(url).unwrap();
        let error = refused(strange.ssl_mode(PgSslMode::VerifyFull)).await;
        assert!(error.contains("UnknownIssuer"), "{error}");
    });
}

async fn refused(options: PgConnectOptions) -> String {
    options.connect().await.map(drop).unwrap_err().to_string()
}

#[test]
fn kafka_wants_encryption_and_the_password() {
    run(async {
        let stack = &secured().await;
        let access = stack.kafka_access().unwrap();
        let good = KafkaConfig {
            brokers: vec![stack.kafka_brokers().to_owned()],
            credentials: Some((access.username.clone(), access.password.clone())),
            tls: true,
            ca: Some(std::fs::read_to_string(&access.ca_file).unwrap()),
            partitions: 3,
        };
        assert_eq!(topics(&good).await.unwrap(), Topic::ALL.len());

        let plain = KafkaConfig {
            tls: false,
            ..good.clone()
        };
        let error = topics(&plain).await.unwrap_err();
        assert!(error.contains("wants TLS: say KAFKA_TLS=true"), "{error}");
        let anonymous = KafkaConfig {
            credentials: None,
            ..good.clone()
        };
        let error = topics(&anonymous).await.unwrap_err();
        assert!(error.contains("hung up on us"), "{error}");
        let guessing = KafkaConfig {
            credentials: Some((access.username.clone(), "guessed".to_owned())),
            ..good.clone()
        };
        let error = topics(&guessing).await.unwrap_err();
        let expected = "does not accept our user name and password: Authentication failed";
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains("guessed"), "{error}");
        // And a client does not talk to a broker its authorities do not know
        let strange = KafkaConfig { ca: None, ..good };
        let error = topics(&strange).await.unwrap_err();
        assert!(error.contains("UnknownIssuer"), "{error}");

        // The job gives up at once and says who refused
        let hopeless = [
            (guessing, expected),
            (plain, "wants TLS: say KAFKA_TLS=true"),
            (
                strange,
                "does not agree with us on TLS: invalid peer certificate: UnknownIssuer",
            ),
        ];
        for (config, expected) in hopeless {
            let error = todo_backend::topics::run(&config).await.unwrap_err();
            let expected = format!("Kafka at {} {expected}", stack.kafka_brokers());
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    });
}

/// Asks Kafka once how many of our topics it has.
async fn topics(config: &KafkaConfig) -> Result<usize, String> {
    let asked = async {
        let mut kafka = Connection::open(&config.brokers[0], config).await?;
        kafka.call(&Metadata(&Topic::ALL.map(Topic::name))).await
    };
    let found = asked.await.map_err(|error| error.to_string())?;
    Ok(found.len())
}

#[test]
fn servers_want_a_certificate_of_our_own_authority() {
    run(async {
        let stack = &secured().await;
        let port = |server: &str, offset| stack.port(server).unwrap() + offset;
        for (what, port) in [
            ("Kafka's controller", port("kafka", 1)),
            ("placement", port("placement", 0)),
            ("placement's raft", port("placement", 3)),
            ("the scheduler", port("scheduler", 0)),
            // Its etcd's own clients need none, which is Dapr's doing
            ("the scheduler's etcd, for its peers", port("scheduler", 4)),
            (
                "a sidecar, for other sidecars",
                stack.dapr(1).unwrap().internal_port,
            ),
            (
                "that of a consumer",
                stack.dapr_of("projector").unwrap().internal_port,
            ),
        ] {
            tokio::task::spawn_blocking(move || {
                for identity in [None, Some(forged())] {
                    let error = greet(port, identity).unwrap_err().to_string();
                    assert!(error.contains("received fatal alert"), "{what}: {error}");
                    let named = error.contains("Certificate") || error.contains("UnknownCA");
                    assert!(named, "{what}: {error}");
                }
                let answer = greet_plainly(port);
                assert!(
                    matches!(answer.first(), None | Some(&ALERT)),
                    "{what}: {answer:?}"
                );
            })
            .await
            .unwrap();
        }
        // Only sentry lets in whoever has none yet
        let sentry = port("sentry", 0);
        let greeted = tokio::task::spawn_blocking(move || greet(sentry, None));
        greeted.await.unwrap().unwrap();
    });
}

#[test]
fn sentry_wants_a_token_for_the_very_identity() {
    run(async {
        let stack = &secured().await;
        let start = async |app_id, identity| {
            let started = stack.start_caller(app_id, identity).await;
            format!("{:#}", started.unwrap_err())
        };
        let error = start("backend", Proof::NoToken).await;
        assert!(
            error.contains("a validator name must be specified"),
            "{error}"
        );
        let error = start("backend", Proof::TokenOf("frontend")).await;
        assert!(error.contains("token validation failed"), "{error}");
    });
}

#[test]
fn sidecars_and_apps_want_their_tokens() {
    run(async {
        let stack = &secured().await;
        for app in ["backend-1", "projector"] {
            let access = stack.dapr_of(app).unwrap();
            // The app's token does not count
            for token in ["", "guessed", &access.app_token] {
                let http = format!("http://127.0.0.1:{}/v1.0/metadata", access.http_port);
                let request = Client::new().get(http).header("dapr-api-token", token);
                assert_eq!(
                    request.send().await.unwrap().status(),
                    StatusCode::UNAUTHORIZED
                );
                let grpc = format!("http://127.0.0.1:{}", access.grpc_port);
                let sidecar = DaprSidecar::connect(&grpc, Some(token)).unwrap();
                let error = sidecar.secret("kubernetes-secrets", "app-secrets").await;
                let error = error.unwrap_err().to_string();
                assert!(
                    error.contains("valid authentication credentials"),
                    "{error}"
                );
            }
        }
        callbacks::app_token(stack).await;
    });
}

#[test]
fn what_kafka_asks_for_is_no_secret_of_the_apps() {
    run(async {
        let stack = &secured().await;
        let access = stack.dapr(1).unwrap();
        let grpc = format!("http://127.0.0.1:{}", access.grpc_port);
        let sidecar = DaprSidecar::connect(&grpc, Some(&access.api_token)).unwrap();
        let store = "kubernetes-secrets";
        sidecar.secret(store, "app-secrets").await.unwrap();
        let error = sidecar.secret(store, "kafka-secrets").await.unwrap_err();
        assert!(error.to_string().contains("access denied"), "{error}");
    });
}

#[test]
fn the_frontend_gets_through_to_the_api_and_to_nothing_else() {
    run(async {
        let stack = &secured().await;
        let frontend = stack.start_caller("frontend", Proof::Own).await.unwrap();
        let token = stack.token("zoe");
        let bearer = Some(token.as_str());

        // The API asks for a person's token, as always
        let tasks = "/api/zoe/tasks";
        assert_eq!(invoke(&frontend, Method::GET, tasks, bearer).await, 200);
        assert_eq!(invoke(&frontend, Method::GET, tasks, None).await, 401);
        for (method, path) in [
            (Method::PUT, "/actors/User/zoe/method/list"),
            (Method::PUT, "/actors/User/zoe/method/remind/due"),
            (Method::DELETE, "/actors/User/zoe"),
            (Method::GET, "/dapr/config"),
            (Method::POST, "/live/task-updates"),
            (Method::GET, "/healthz"),
            (Method::PUT, "/api/..%2Factors/User/zoe/method/list"),
        ] {
            let status = invoke(&frontend, method.clone(), path, bearer).await;
            assert_eq!(status, 403, "{method} {path}");
        }
        // Nor does its own sidecar call actors or publish for it
        for path in [
            "actors/User/zoe/method/list",
            "publish/kafka-pubsub/task-events",
        ] {
            let status = ask(&frontend, Method::POST, path, None).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        }
        // And another app, whose certificate is as good, gets nowhere
        let stranger = stack.start_caller("stranger", Proof::Own).await.unwrap();
        assert_eq!(invoke(&stranger, Method::GET, tasks, bearer).await, 403);
    });
}

/// What comes back when an app calls the backend through its sidecar.
async fn invoke(from: &DaprAccess, method: Method, path: &str, bearer: Option<&str>) -> StatusCode {
    ask(
        from,
        method,
        &format!("invoke/backend/method{path}"),
        bearer,
    )
    .await
}

async fn ask(from: &DaprAccess, method: Method, path: &str, bearer: Option<&str>) -> StatusCode {
    let url = format!("http://127.0.0.1:{}/v1.0/{path}", from.http_port);
    let request = Client::new().request(method, url).body("{}");
    let mut request = request.header("dapr-api-token", &from.api_token);
    if let Some(token) = bearer {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap().status()
}
