//! What the chart renders, looked at without a cluster.

use std::collections::BTreeSet;

use serde_json::Value;
use todo_actors::{conversation, reconciler, user};

use crate::world::{
    APPS, ENVIRONMENTS, EVERYTHING, annotation, chart, helm, list, name, needed, objects, of_kind,
    path,
};

/// Everything with a pod: its name and the pod's template.
fn pods(objects: &[Value]) -> Vec<(&str, &Value)> {
    objects
        .iter()
        .filter_map(|object| match object["kind"].as_str()? {
            "Deployment" | "Job" => Some((name(object), &object["spec"]["template"])),
            "Pod" => Some((name(object), object)),
            _ => None,
        })
        .collect()
}

#[test]
fn it_lints_with_every_environment() {
    for values in ENVIRONMENTS {
        let (chart, file) = (chart(), path(&format!("chart/{values}")));
        let needed = needed("sha-1");
        let mut args = vec!["lint", "--strict", &chart, "-f", &file];
        args.extend(needed.iter().map(String::as_str));
        let output = helm(&args);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{values}: {said}");
    }
}

#[test]
fn every_pod_is_confined_and_bounded() {
    for values in ENVIRONMENTS {
        let objects = objects(values, &[]);
        let pods = pods(&objects);
        // Six apps, two jobs, the test.
        assert_eq!(pods.len(), 9, "{values}");
        for (of, pod) in pods {
            let spec = &pod["spec"];
            let confined = &spec["securityContext"];
            assert_eq!(confined["runAsNonRoot"], true, "{of}");
            assert_eq!(confined["seccompProfile"]["type"], "RuntimeDefault", "{of}");
            assert_eq!(spec["automountServiceAccountToken"], false, "{of}");
            let containers = list(&spec["containers"]);
            assert_eq!(containers.len(), 1, "{of}");
            for container in containers {
                let confined = &container["securityContext"];
                assert_eq!(confined["allowPrivilegeEscalation"], false, "{of}");
                assert_eq!(confined["readOnlyRootFilesystem"], true, "{of}");
                assert_eq!(list(&confined["capabilities"]["drop"]), ["ALL"], "{of}");
                for (bound, what) in [("requests", "cpu"), ("limits", "memory")] {
                    let amount = &container["resources"][bound][what];
                    assert!(amount.is_string(), "{of}: {bound} of {what}");
                }
                let image = container["image"].as_str().unwrap();
                let (repository, tag) = image.rsplit_once(':').unwrap();
                assert!(repository.starts_with("ghcr.io/"), "{of}: {image}");
                // A registry takes no capitals, and account names may have some.
                assert_eq!(repository, repository.to_lowercase(), "{of}");
                assert!(!tag.is_empty() && tag != "latest", "{of}: {image}");
            }
        }
    }
}

#[test]
fn no_upgrade_undoes_what_an_autoscaler_did() {
    for values in ENVIRONMENTS {
        let objects = objects(values, &[]);
        let scaled: BTreeSet<&str> = objects
            .iter()
            .filter(|object| object["kind"] == "HorizontalPodAutoscaler")
            .map(|scaler| scaler["spec"]["scaleTargetRef"]["name"].as_str().unwrap())
            .collect();
        assert_eq!(scaled.is_empty(), values == "values-dev.yaml", "{values}");
        for deployment in of_kind(&objects, "Deployment") {
            let scales_itself = scaled.contains(name(deployment));
            let replicas = &deployment["spec"]["replicas"];
            assert_eq!(replicas.is_null(), scales_itself, "{}", name(deployment));
        }
    }
}

#[test]
fn every_app_finds_what_its_annotations_name() {
    let objects = objects("values-oke.yaml", &[]);
    let names =
        |kind: &str| -> BTreeSet<&str> { of_kind(&objects, kind).into_iter().map(name).collect() };
    let (configurations, secrets) = (names("Configuration"), names("Secret"));
    assert_eq!(names("Deployment"), BTreeSet::from(APPS));
    for deployment in of_kind(&objects, "Deployment") {
        let pod = &deployment["spec"]["template"];
        let app = annotation(pod, "dapr.io/app-id");
        assert_eq!(app, name(deployment));
        assert!(
            configurations.contains(annotation(pod, "dapr.io/config")),
            "{app}"
        );
        assert!(
            secrets.contains(annotation(pod, "dapr.io/api-token-secret")),
            "{app}"
        );
        // The page only calls; all others are called, and asked how they are.
        let called = app != "frontend";
        assert_eq!(
            annotation(pod, "dapr.io/app-port") == "8001",
            called,
            "{app}"
        );
        assert_eq!(
            secrets.contains(annotation(pod, "dapr.io/app-token-secret")),
            called,
            "{app}"
        );
        assert_eq!(
            annotation(pod, "dapr.io/app-health-check-path") == "/healthz",
            called,
            "{app}"
        );
    }
}

#[test]
fn a_pod_has_time_for_its_stop_hook_its_app_and_its_sidecar() {
    let objects = objects("values-oke.yaml", &["--set", "config.shutdownSeconds=33"]);
    let seconds = |text: &str| -> u64 { text.trim_end_matches('s').parse().unwrap() };
    for deployment in of_kind(&objects, "Deployment") {
        let pod = &deployment["spec"]["template"];
        let grace = pod["spec"]["terminationGracePeriodSeconds"]
            .as_u64()
            .unwrap();
        let blocked = seconds(annotation(pod, "dapr.io/block-shutdown-duration"));
        let sidecar = seconds(annotation(pod, "dapr.io/graceful-shutdown-seconds"));
        assert!(grace >= blocked + sidecar, "{}", name(deployment));
        if name(deployment) != "frontend" {
            // The sidecar must not go before the app may have ended.
            assert!(blocked >= 33 + 5, "{}", name(deployment));
        }
    }
}

#[test]
fn components_are_for_those_who_need_them() {
    let objects = objects("values-oke.yaml", &[]);
    for component in of_kind(&objects, "Component") {
        let scopes: BTreeSet<&str> = list(&component["scopes"])
            .iter()
            .map(|app| app.as_str().unwrap())
            .collect();
        let all = BTreeSet::from(APPS);
        let expected = match name(component) {
            "kubernetes-secrets" => all,
            "kafka-pubsub" => &all - &BTreeSet::from(["frontend"]),
            "statestore" | "kafka-live" => BTreeSet::from(["backend"]),
            other => panic!("unexpected component {other}"),
        };
        assert_eq!(scopes, expected, "{}", name(component));
    }
    // The apps say themselves what they read; a second word for it would deliver twice.
    assert!(
        objects
            .iter()
            .all(|object| object["kind"] != "Subscription")
    );
}

#[test]
fn the_sidecar_repeats_no_call_to_an_actor() {
    let objects = objects("values-oke.yaml", &[]);
    let policies = of_kind(&objects, "Resiliency");
    assert_eq!(policies.len(), 1);
    let spec = &policies[0]["spec"];
    for actor in [user::TYPE, conversation::TYPE, reconciler::TYPE] {
        // A target without any policy gets Dapr's own, which repeats.
        assert_eq!(
            spec["targets"]["actors"][actor]["timeout"], "turn",
            "{actor}"
        );
    }
    assert_eq!(spec["policies"]["timeouts"]["turn"], "10s");
    assert!(spec["policies"]["retries"].is_null());
}

#[test]
fn kafka_is_met_with_a_password_over_tls() {
    let objects = objects("values-oke.yaml", &[]);
    for component in of_kind(&objects, "Component") {
        if component["spec"]["type"] != "pubsub.kafka" {
            continue;
        }
        let setting = |of: &str| {
            let found = list(&component["spec"]["metadata"])
                .iter()
                .find(|entry| entry["name"] == of);
            found.cloned().unwrap_or_default()
        };
        assert_eq!(setting("authType")["value"], "password");
        // Any other spelling would mean PLAIN.
        assert_eq!(setting("saslMechanism")["value"], "SHA-256");
        assert_eq!(setting("disableTls")["value"], "false");
        for (of, key) in [
            ("saslUsername", "SASL_USERNAME"),
            ("saslPassword", "SASL_PASSWORD"),
        ] {
            let secret = setting(of)["secretKeyRef"].clone();
            assert_eq!(
                (&secret["name"], &secret["key"]),
                (&"kafka-secrets".into(), &key.into())
            );
        }
    }
}

#[test]
fn sidecars_take_up_what_changed_with_new_pods_alone() {
    let rendered = |postgres: &str| objects("values-oke.yaml", &["--set", postgres]);
    let (old, new) = (
        rendered("postgres.maxConnections=8"),
        rendered("postgres.maxConnections=9"),
    );
    for configuration in of_kind(&new, "Configuration") {
        let features = serde_json::json!([{ "name": "HotReload", "enabled": false }]);
        assert_eq!(configuration["spec"]["features"], features);
    }
    for (old, new) in of_kind(&old, "Deployment")
        .iter()
        .zip(of_kind(&new, "Deployment"))
    {
        let pod = |deployment: &Value| deployment["spec"]["template"].clone();
        assert_ne!(pod(old), pod(new), "{}", name(new));
    }
}

#[test]
fn only_the_page_may_call_and_only_the_api() {
    let objects = objects("values-oke.yaml", &[]);
    for configuration in of_kind(&objects, "Configuration") {
        let spec = &configuration["spec"];
        let access = &spec["accessControl"];
        assert_eq!(access["defaultAction"], "deny", "{}", name(configuration));
        let secrets = &spec["secrets"]["scopes"][0];
        assert_eq!(secrets["defaultAccess"], "deny", "{}", name(configuration));
        assert_eq!(list(&secrets["allowedSecrets"]), ["app-secrets"]);
        let policies = list(&access["policies"]);
        if name(configuration) == "backend" {
            assert_eq!(policies.len(), 1);
            assert_eq!(policies[0]["appId"], "frontend");
            assert_eq!(policies[0]["namespace"], "todo");
            assert_eq!(policies[0]["operations"][0]["name"], "/api/**");
        } else {
            assert!(policies.is_empty(), "{}", name(configuration));
            // Of a protocol without a rule everything would be allowed.
            let rules = list(&spec["api"]["allowed"]);
            for protocol in ["http", "grpc"] {
                assert!(rules.iter().any(|rule| rule["protocol"] == protocol));
            }
            let acts = rules.iter().any(|rule| rule["name"] == "actors");
            assert_eq!(
                acts,
                name(configuration) == "recurrer",
                "{}",
                name(configuration)
            );
        }
    }
}

#[test]
fn backend_and_jobs_are_told_by_variables_there_are() {
    let known = std::fs::read_to_string(path("src/config.rs")).unwrap();
    let all = "kafka.privateCA=true,tracing.otlpEndpoint=tempo.monitoring:4318";
    let objects = objects("values-oke.yaml", &["--set", all]);
    let [config] = of_kind(&objects, "ConfigMap")[..] else {
        panic!("there is one ConfigMap");
    };
    let mut told: Vec<&str> = config["data"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    for job in of_kind(&objects, "Job") {
        let env = list(&job["spec"]["template"]["spec"]["containers"][0]["env"]);
        told.extend(
            env.iter()
                .map(|variable| variable["name"].as_str().unwrap()),
        );
    }
    assert!(told.contains(&"KAFKA_CA_FILE"));
    for variable in told {
        assert!(known.contains(&format!("`{variable}`")), "{variable}");
    }
}

#[test]
fn secret_values_stand_in_secrets_only() {
    let secrets = [
        "secrets.create=true",
        "secrets.app.DATABASE_URL=postgres://hush-1?sslmode=verify-full",
        "secrets.app.BETTER_AUTH_SECRET=hush-2",
        "secrets.app.COHERE_API_KEY=hush-3",
        "secrets.kafka.SASL_USERNAME=hush-4",
        "secrets.kafka.SASL_PASSWORD=hush-5",
    ]
    .join(",");
    let objects = objects("values-oke.yaml", &["--set", &secrets]);
    let mut told = 0;
    for object in &objects {
        let hush = object.to_string().matches("hush-").count();
        assert!(hush == 0 || object["kind"] == "Secret", "{}", name(object));
        told += hush;
    }
    // Each once in its place, and those of the jobs once more for the time before it is there.
    assert_eq!(told, 5 + 3);
}

#[test]
fn what_is_optional_renders_where_it_is_wanted() {
    let options = format!("{EVERYTHING},ingress.enabled=false,networkPolicy.enabled=false");
    let objects = objects("values-oke.yaml", &["--set", &options]);
    for (of, pod) in pods(&objects) {
        let secrets = list(&pod["spec"]["imagePullSecrets"]);
        assert_eq!(secrets.len(), 1, "{of}");
        assert_eq!(
            pod["spec"]["nodeSelector"]["kubernetes.io/arch"], "arm64",
            "{of}"
        );
    }
    assert_eq!(of_kind(&objects, "ServiceMonitor").len(), 1);
    let maps = of_kind(&objects, "ConfigMap");
    let dashboards = maps.iter().find(|map| name(map) == "todo-app-dashboards");
    let dashboards = dashboards.unwrap();
    assert_eq!(dashboards["metadata"]["labels"]["grafana_dashboard"], "1");
    for (file, text) in dashboards["data"].as_object().unwrap() {
        let dashboard: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        assert!(dashboard["title"].is_string(), "{file}");
    }
    // Every app of ours has the port that its monitor asks for, and nothing else listens there.
    let [monitor] = of_kind(&objects, "PodMonitor")[..] else {
        panic!("there is one PodMonitor");
    };
    let endpoint = &monitor["spec"]["podMetricsEndpoints"][0];
    for (of, pod) in pods(&objects) {
        let ports = list(&pod["spec"]["containers"][0]["ports"]);
        let mut names = ports.iter().map(|port| &port["name"]);
        let has_sidecar = APPS.contains(&of);
        assert_eq!(
            names.any(|name| *name == endpoint["port"]),
            has_sidecar && of != "frontend",
            "{of}"
        );
    }
    let [rule] = of_kind(&objects, "PrometheusRule")[..] else {
        panic!("there is one PrometheusRule");
    };
    assert_eq!(rule["metadata"]["labels"]["release"], "prometheus");
    let groups = list(&rule["spec"]["groups"]).iter();
    let rules: Vec<&Value> = groups.flat_map(|group| list(&group["rules"])).collect();
    let replicas = rules
        .iter()
        .find(|rule| rule["alert"] == "TodoAppWithoutReplica");
    let expression = replicas.unwrap()["expr"].as_str().unwrap();
    assert!(expression.contains("namespace=\"todo\""), "{expression}");
    for app in APPS {
        assert!(expression.contains(app), "{expression}");
    }
    assert!(!rule.to_string().contains("todo-app\\\""), "{rule}");
    for rule in rules.iter().filter(|rule| !rule["alert"].is_null()) {
        let page = rule["annotations"]["runbook_url"].as_str().unwrap();
        assert!(
            page.starts_with("https://example.com/operate#todo"),
            "{page}"
        );
    }
    let absent = |kind: &str| objects.iter().all(|object| object["kind"] != kind);
    assert!(absent("Ingress") && absent("NetworkPolicy"));
}

#[test]
fn apps_and_sidecars_send_their_spans_to_the_same_collector() {
    let told = |objects: &[Value]| -> Value {
        let config = of_kind(objects, "ConfigMap")[0].clone();
        config["data"]["OTEL_EXPORTER_OTLP_ENDPOINT"].clone()
    };
    let untraced = objects("values-oke.yaml", &[]);
    assert_eq!(told(&untraced), Value::Null);
    for configuration in of_kind(&untraced, "Configuration") {
        let tracing = serde_json::json!({ "samplingRate": "0" });
        assert_eq!(configuration["spec"]["tracing"], tracing);
    }
    let values = "tracing.otlpEndpoint=tempo.monitoring:4318";
    let rate = "tracing.samplingRate=0.5";
    let traced = objects("values-oke.yaml", &["--set", values, "--set-string", rate]);
    assert_eq!(told(&traced), "http://tempo.monitoring:4318");
    let config = of_kind(&traced, "ConfigMap")[0];
    assert_eq!(config["data"]["OTEL_TRACES_SAMPLER_ARG"], "0.5");
    for configuration in of_kind(&traced, "Configuration") {
        let tracing = serde_json::json!({
            "samplingRate": "0.5",
            "otel": {
                "endpointAddress": "tempo.monitoring:4318",
                "isSecure": false,
                "protocol": "http",
            },
        });
        assert_eq!(configuration["spec"]["tracing"], tracing);
    }
    let policies = of_kind(&traced, "NetworkPolicy");
    let sidecars = policies.iter().find(|policy| name(policy) == "sidecars");
    let ways_out = list(&sidecars.unwrap()["spec"]["egress"]);
    assert_eq!(ways_out.last().unwrap()["ports"][0]["port"], 4318);
}

#[test]
fn the_ingress_has_the_two_paths() {
    let objects = objects("values-oke.yaml", &[]);
    let [ingress] = of_kind(&objects, "Ingress")[..] else {
        panic!("there is one Ingress");
    };
    assert_eq!(name(ingress), "todo-app-ingress");
    let rule = &ingress["spec"]["rules"][0];
    assert_eq!(rule["host"], "todo-app.oke.example.com");
    let paths: Vec<_> = list(&rule["http"]["paths"])
        .iter()
        .map(|path| {
            let service = &path["backend"]["service"];
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let port = service["port"]["number"].as_u64().unwrap();
            (text(&path["path"]), text(&service["name"]), port)
        })
        .collect();
    let path = |path: &str, service: &str, port| (path.to_owned(), service.to_owned(), port);
    let expected = [
        path("/api", "backend-service", 8000),
        path("/", "frontend-service", 3000),
    ];
    assert_eq!(paths, expected);
}
