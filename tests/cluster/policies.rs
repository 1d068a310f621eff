//! Who may reach whom, by the chart's network policies: every pod's whole list.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::world::{APPS, list, name, objects, of_kind};

/// A pod's name without what a replica adds, and its labels.
type Pod<'a> = (&'a str, &'a Value);

/// What everything outside the cluster is called below.
const OUTSIDE: &str = "0.0.0.0/0 but [\"10.0.0.0/8\"]";
/// The Kubernetes API: its service and what stands behind it.
const KUBERNETES: [&str; 4] = [
    "10.0.0.0/16:443",
    "10.0.0.0/16:6443",
    "10.96.0.0/16:443",
    "10.96.0.0/16:6443",
];

fn own_labels(pod: &Value) -> &Value {
    &pod["metadata"]["labels"]
}

fn template_labels(workload: &Value) -> &Value {
    own_labels(&workload["spec"]["template"])
}

fn pods(objects: &[Value]) -> Vec<Pod<'_>> {
    let of_kind = |kind: &str, labels: fn(&Value) -> &Value| -> Vec<Pod<'_>> {
        let found = of_kind(objects, kind).into_iter();
        found.map(|object| (name(object), labels(object))).collect()
    };
    [
        of_kind("Deployment", template_labels),
        of_kind("Job", template_labels),
        of_kind("Pod", own_labels),
    ]
    .concat()
}

/// Whether a selector means a pod with these labels. It knows what the chart uses.
fn selects(selector: &Value, labels: &Value) -> bool {
    let named = selector["matchLabels"].as_object();
    let mut listed = list(&selector["matchExpressions"]).iter();
    named.is_some_and(|named| named.iter().all(|(key, value)| labels[key] == *value))
        && listed.all(|rule| {
            assert_eq!(rule["operator"], "In");
            list(&rule["values"]).contains(&labels[rule["key"].as_str().unwrap()])
        })
}

/// The other side of a rule: pods of ours by name, a namespace, or a network.
fn peers(peer: &Value, pods: &[Pod<'_>]) -> Vec<String> {
    if let Some(network) = peer.get("ipBlock") {
        let cidr = network["cidr"].as_str().unwrap();
        return vec![match network.get("except") {
            Some(except) => format!("{cidr} but {except}"),
            None => cidr.to_owned(),
        }];
    }
    if let Some(selector) = peer.get("namespaceSelector") {
        let name = &selector["matchLabels"]["kubernetes.io/metadata.name"];
        return vec![name.as_str().unwrap().to_owned()];
    }
    let meant = pods
        .iter()
        .filter(|(_, labels)| selects(&peer["podSelector"], labels));
    meant.map(|(name, _)| (*name).to_owned()).collect()
}

/// All that policies let a pod reach (`egress`, `to`) or be reached by (`ingress`, `from`), as
/// `peer:port`.
fn allowed(objects: &[Value], pod: &str, way: &str, side: &str) -> BTreeSet<String> {
    let pods = pods(objects);
    let (_, labels) = pods.iter().find(|(name, _)| *name == pod).unwrap();
    let mut found = BTreeSet::new();
    for policy in of_kind(objects, "NetworkPolicy") {
        let spec = &policy["spec"];
        if !selects(&spec["podSelector"], labels) {
            continue;
        }
        for rule in list(&spec[way]) {
            let ports = list(&rule["ports"]);
            let with = list(&rule[side]);
            assert!(!with.is_empty(), "{} lets everybody through", name(policy));
            for peer in with.iter().flat_map(|peer| peers(peer, &pods)) {
                if ports.is_empty() {
                    found.insert(format!("{peer}:any"));
                }
                found.extend(ports.iter().map(|port| format!("{peer}:{}", port["port"])));
            }
        }
    }
    found
}

fn set<'a>(parts: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    parts.into_iter().map(str::to_owned).collect()
}

#[test]
fn nobody_comes_in_or_goes_out_without_a_rule() {
    let objects = objects("values-oke.yaml", &[]);
    let policies = of_kind(&objects, "NetworkPolicy");
    let denies = |policy: &&&Value| list(&policy["spec"]["policyTypes"]) == ["Ingress", "Egress"];
    for (pod, labels) in pods(&objects) {
        let mut bound = policies.iter().filter(denies);
        assert!(
            bound.any(|policy| selects(&policy["spec"]["podSelector"], labels)),
            "{pod}"
        );
    }
}

#[test]
fn each_app_reaches_what_it_needs() {
    let objects = objects("values-oke.yaml", &[]);
    let outside = |port: u16| format!("{OUTSIDE}:{port}");
    for app in APPS {
        let mut expected = set(KUBERNETES);
        expected.extend(set(["kube-system:53", "dapr-system:any"]));
        expected.extend(APPS.map(|other| format!("{other}:50002")));
        expected.insert(outside(5432));
        if app != "frontend" {
            expected.insert(outside(9092));
        }
        if ["backend", "notifier"].contains(&app) {
            expected.insert(outside(443));
        }
        if ["backend", "frontend"].contains(&app) {
            expected.extend(set(["backend:8000", "frontend:3000"]));
        }
        assert_eq!(allowed(&objects, app, "egress", "to"), expected, "{app}");
    }
    for (job, port) in [("migrate", 5432), ("topics", 9092)] {
        let expected = BTreeSet::from(["kube-system:53".to_owned(), outside(port)]);
        assert_eq!(allowed(&objects, job, "egress", "to"), expected, "{job}");
    }
    assert_eq!(
        allowed(&objects, "todo-app-test", "egress", "to"),
        set(["backend:8000", "frontend:3000", "kube-system:53"])
    );
}

#[test]
fn whoever_notifies_reaches_the_web_whatever_its_name() {
    let roles = "consumers.notifier.role=audit,consumers.auditor.role=notify";
    let objects = objects("values-oke.yaml", &["--set", roles]);
    let web = format!("{OUTSIDE}:443");
    for app in APPS {
        assert_eq!(
            allowed(&objects, app, "egress", "to").contains(&web),
            ["backend", "auditor"].contains(&app),
            "{app}"
        );
    }
}

#[test]
fn each_app_is_reached_by_whom_it_serves() {
    let objects = objects("values-oke.yaml", &[]);
    for app in APPS {
        let found = allowed(&objects, app, "ingress", "from");
        // Whoever watches sees numbers only, at ports of their own.
        let (watching, calling): (BTreeSet<_>, BTreeSet<_>) = found
            .into_iter()
            .partition(|by| by.starts_with("monitoring:"));
        assert!(watching.contains("monitoring:9090"), "{app}");
        assert!(!watching.contains("monitoring:any"), "{app}");
        let mut expected: BTreeSet<_> = APPS.map(|other| format!("{other}:50002")).into();
        match app {
            "frontend" => expected.extend(set([
                "ingress-nginx:3000",
                "backend:3000",
                "todo-app-test:3000",
            ])),
            "backend" => expected.extend(set([
                "ingress-nginx:8000",
                "frontend:8000",
                "todo-app-test:8000",
            ])),
            _ => {}
        }
        assert_eq!(calling, expected, "{app}");
    }
    for job in ["migrate", "topics", "todo-app-test"] {
        assert_eq!(allowed(&objects, job, "ingress", "from"), BTreeSet::new());
    }
}
