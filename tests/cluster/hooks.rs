//! What helm runs before and after a release: the jobs that prepare it, and the test that asks it.

use axum::{Router, http::StatusCode, routing::get};
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpSocket},
    process::Command,
};

use crate::world::{ENVIRONMENTS, OWN_SECRETS, annotation, list, name, objects, of_kind, run};

/// What helm makes before the release, in its order.
fn before(objects: &[Value]) -> Vec<&str> {
    let mut hooks: Vec<(i32, &str)> = objects
        .iter()
        .filter(|object| annotation(object, "helm.sh/hook") == "pre-install,pre-upgrade")
        .map(|object| {
            let weight = annotation(object, "helm.sh/hook-weight");
            (weight.parse().unwrap(), name(object))
        })
        .collect();
    hooks.sort_unstable();
    hooks.into_iter().map(|(_, name)| name).collect()
}

/// The secret whose files a job sees.
fn secret<'a>(objects: &'a [Value], job: &str) -> Option<&'a str> {
    let jobs = of_kind(objects, "Job");
    let job = jobs.into_iter().find(|object| name(object) == job).unwrap();
    let volumes = list(&job["spec"]["template"]["spec"]["volumes"]);
    volumes.first()?["secret"]["secretName"].as_str()
}

#[test]
fn a_job_finds_its_secret_there() {
    // Given secrets that are there before the release, then the jobs read those
    let there = objects("values-oke.yaml", &[]);
    assert_eq!(before(&there), ["migrate", "topics"]);
    assert_eq!(secret(&there, "migrate"), Some("app-secrets"));
    assert_eq!(secret(&there, "topics"), Some("kafka-secrets"));
    // Given secrets that come with the release, then a copy of them comes before the jobs
    let made = objects("values-oke.yaml", &["--set", OWN_SECRETS]);
    assert_eq!(before(&made), ["jobs-secrets", "migrate", "topics"]);
    assert_eq!(secret(&made, "migrate"), Some("jobs-secrets"));
    assert_eq!(secret(&made, "topics"), Some("jobs-secrets"));
    // Given a Kafka that asks for no password, then none is shown
    let open = objects("values-dev.yaml", &[]);
    assert_eq!(before(&open), ["jobs-secrets", "migrate", "topics"]);
    assert_eq!(secret(&open, "topics"), None);
}

#[test]
fn jobs_have_no_sidecar_and_no_secret_in_their_environment() {
    let objects = ENVIRONMENTS.map(|values| objects(values, &[]));
    for job in objects.iter().flat_map(|objects| of_kind(objects, "Job")) {
        let pod = &job["spec"]["template"];
        assert_eq!(annotation(pod, "dapr.io/enabled"), "false");
        let container = &pod["spec"]["containers"][0];
        assert_eq!(list(&container["args"]), [name(job)]);
        let env = list(&container["env"]);
        let secretive = env.iter().any(|variable| !variable["valueFrom"].is_null());
        assert!(!secretive, "{}", name(job));
        if name(job) == "migrate" {
            let mut names = env.iter();
            let file = names.find(|variable| variable["name"] == "DATABASE_URL_FILE");
            assert_eq!(file.unwrap()["value"], "/run/secrets/todo/DATABASE_URL");
        }
    }
}

/// A server that says this of how it is; answers where.
async fn saying(status: StatusCode) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/readyz", get(move || async move { status }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    place
}

/// What the pod of `helm test` runs. In the cluster of the tests it only says that it does.
fn test_script() -> String {
    let objects = objects("values-oke.yaml", &[]);
    let [pod] = of_kind(&objects, "Pod")[..] else {
        panic!("there is one Pod");
    };
    let container = &pod["spec"]["containers"][0];
    assert_eq!(list(&container["command"]), ["node", "-e"]);
    container["args"][0].as_str().unwrap().to_owned()
}

/// What that script says of a page and an API at these places; an error if it fails.
async fn tested(script: &str, page: &str, api: &str) -> Result<(), String> {
    let mut script = script.to_owned();
    for (service, place) in [
        ("http://frontend-service:3000", page),
        ("http://backend-service:8000", api),
    ] {
        assert!(script.contains(service), "{script}");
        script = script.replace(service, place);
    }
    let ran = Command::new("node").args(["-e", &script]).output();
    let ran = ran.await.unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    if ran.status.success() {
        Ok(())
    } else {
        Err(said)
    }
}

#[test]
fn the_test_passes_when_page_and_api_are_well() {
    run(async {
        let script = test_script();
        let well = saying(StatusCode::OK).await;
        let ill = saying(StatusCode::SERVICE_UNAVAILABLE).await;
        assert_eq!(tested(&script, &well, &well).await, Ok(()));
        for (page, api) in [(&ill, &well), (&well, &ill)] {
            let said = tested(&script, page, api).await.unwrap_err();
            let of_whom = format!("{ill}/readyz answers 503");
            assert!(said.contains(&of_whom), "{said}");
        }
    });
}

#[test]
fn the_test_names_the_place_where_nobody_answers() {
    run(async {
        let well = saying(StatusCode::OK).await;
        // Taken, so that nobody else listens there, and not listening.
        let taken = TcpSocket::new_v4().unwrap();
        taken.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let nobody = format!("http://{}", taken.local_addr().unwrap());
        let said = tested(&test_script(), &well, &nobody).await.unwrap_err();
        let of_whom = format!("{nobody}/readyz does not answer: connect ECONNREFUSED");
        assert!(said.contains(&of_whom), "{said}");
    });
}
