//! The cluster the customer has, 4 OCPU and 24 GB, holds the release at its largest.

use serde_json::Value;

use crate::world::{list, name, objects, of_kind, path, tools};

/// What the system leaves: 4 OCPU less 1.5, in thousandths; 24 GB less 6, in MiB.
const CPU: u64 = 2500;
const MEMORY: u64 = 18 * 1024;
/// On how many machines.
const MACHINES: u64 = 2;

/// CPU in thousandths and memory in MiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Amount {
    cpu: u64,
    memory: u64,
}

impl Amount {
    fn read(cpu: &str, memory: &str) -> Self {
        let cpu = match cpu.strip_suffix('m') {
            Some(thousandths) => thousandths.parse().unwrap(),
            None => cpu.parse::<u64>().unwrap() * 1000,
        };
        let memory = match memory.strip_suffix("Gi") {
            Some(gibibytes) => gibibytes.parse::<u64>().unwrap() * 1024,
            None => memory.strip_suffix("Mi").unwrap().parse().unwrap(),
        };
        Self { cpu, memory }
    }

    fn plus(self, other: Self, times: u64) -> Self {
        Self {
            cpu: self.cpu + other.cpu * times,
            memory: self.memory + other.memory * times,
        }
    }
}

/// A pod's requests or limits, its sidecar's included.
fn pod(deployment: &Value, bound: &str) -> Amount {
    let template = &deployment["spec"]["template"];
    let app = &template["spec"]["containers"][0]["resources"][format!("{bound}s")];
    let sidecar = |what: &str| {
        let annotation = format!("dapr.io/sidecar-{what}-{bound}");
        template["metadata"]["annotations"][annotation]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let text = |what: &str| app[what].as_str().unwrap();
    Amount::read(text("cpu"), text("memory"))
        .plus(Amount::read(&sidecar("cpu"), &sidecar("memory")), 1)
}

/// How many pods a deployment has at most.
fn most(objects: &[Value], deployment: &Value) -> u64 {
    let scaler = objects.iter().find(|object| {
        object["kind"] == "HorizontalPodAutoscaler" && name(object) == name(deployment)
    });
    let replicas = scaler.map_or(
        &deployment["spec"]["replicas"],
        |scaler| &scaler["spec"]["maxReplicas"],
    );
    replicas.as_u64().unwrap()
}

#[test]
fn the_largest_release_fits_and_the_readme_says_so() {
    let readme = std::fs::read_to_string(path("README.md")).unwrap();
    let objects = objects("values-oke.yaml", &[]);
    let (mut requests, mut limits) = (Amount::default(), Amount::default());
    for deployment in of_kind(&objects, "Deployment") {
        let (pods, request) = (most(&objects, deployment), pod(deployment, "request"));
        requests = requests.plus(request, pods);
        limits = limits.plus(pod(deployment, "limit"), pods);
        let Amount { cpu, memory } = request;
        let row = format!(
            "| {} | {pods} | {cpu} m | {memory} Mi | {} m | {} Mi |",
            name(deployment),
            cpu * pods,
            memory * pods,
        );
        assert!(readme.contains(&row), "README.md lacks the row {row}");
    }
    let Amount { cpu, memory } = requests;
    let row = format!("| all | | | | {cpu} m of {CPU} m | {memory} Mi of {MEMORY} Mi |");
    assert!(readme.contains(&row), "README.md lacks the row {row}");
    assert!(cpu <= CPU && memory <= MEMORY, "{requests:?}");
    // Memory cannot be given back when it gets tight, so even the limits fit.
    assert!(limits.memory <= MEMORY, "{limits:?}");
}

#[test]
fn every_pod_finds_room_whatever_order_they_come_in() {
    let objects = objects("values-oke.yaml", &[]);
    let deployments = of_kind(&objects, "Deployment");
    let cpu = |deployment: &Value| pod(deployment, "request").cpu;
    let all: u64 = deployments
        .iter()
        .map(|deployment| cpu(deployment) * most(&objects, deployment))
        .sum();
    for deployment in deployments {
        // It finds none only if each machine holds more than what it leaves over.
        let others = all - cpu(deployment);
        let in_the_way = MACHINES * (CPU / MACHINES - cpu(deployment));
        assert!(
            others <= in_the_way,
            "{}: {others} > {in_the_way}",
            name(deployment)
        );
    }
}

#[test]
fn a_job_fits_beside_the_largest_release() {
    let objects = objects("values-oke.yaml", &[]);
    let mut requests = Amount::default();
    for deployment in of_kind(&objects, "Deployment") {
        requests = requests.plus(pod(deployment, "request"), most(&objects, deployment));
    }
    for job in of_kind(&objects, "Job") {
        let resources = &job["spec"]["template"]["spec"]["containers"][0]["resources"];
        let request = &resources["requests"];
        let text = |what: &str| request[what].as_str().unwrap();
        let with = requests.plus(Amount::read(text("cpu"), text("memory")), 1);
        assert!(
            with.cpu <= CPU && with.memory <= MEMORY,
            "{}: {with:?}",
            name(job)
        );
    }
}

/// All that is requested anywhere in some values.
fn requested(values: &Value) -> Amount {
    let amount = |of: &str| values["requests"][of].as_str();
    if let (Some(cpu), Some(memory)) = (amount("cpu"), amount("memory")) {
        return Amount::read(cpu, memory);
    }
    let fields = values.as_object().into_iter().flat_map(|map| map.values());
    fields
        .chain(list(values))
        .fold(Amount::default(), |sum, value| {
            sum.plus(requested(value), 1)
        })
}

#[test]
fn what_watches_fits_beside_the_largest_release() {
    let objects = objects("values-oke.yaml", &[]);
    let mut requests = Amount::default();
    for deployment in of_kind(&objects, "Deployment") {
        requests = requests.plus(pod(deployment, "request"), most(&objects, deployment));
    }
    let mut parts = 0;
    for file in std::fs::read_dir(path("chart/observability")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for values in tools().documents(&text).unwrap() {
            let part = requested(&values);
            assert!(part.cpu > 0 && part.memory > 0, "{text}");
            requests = requests.plus(part, 1);
            parts += 1;
        }
    }
    assert_eq!(parts, 4);
    assert!(
        requests.cpu <= CPU && requests.memory <= MEMORY,
        "{requests:?}"
    );
}
