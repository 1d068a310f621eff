//! Replicas come with load, fit on the machines, survive upgrades, and go one at a time.

use serde_json::json;

use crate::world::{APPS, Place, name, run};

/// Waits until a deployment has so many replicas, all of its newest build and ready: helm asks the
/// replica set, whose deployment counts a moment later, and of three it waits for two.
async fn until_ready(place: &Place, app: &str, replicas: u64) {
    let so_many = || async {
        let deployment = place.get(&["deployment", app]).await.unwrap();
        let status = &deployment["status"];
        let seen = status["observedGeneration"] == deployment["metadata"]["generation"];
        let counts = ["replicas", "updatedReplicas", "readyReplicas"];
        (seen && counts.iter().all(|count| status[count] == replicas)).then_some(())
    };
    let what = format!("{replicas} of {app} ready");
    place.cluster.until(&what, so_many).await.unwrap();
}

#[test]
fn load_brings_replicas_which_all_fit_and_stay() {
    run(async {
        // Given a release on machines of the customer's size.
        let place = Place::new("load").await;
        place.upgrade("sha-1", &[]).await.unwrap();
        until_ready(&place, "backend", 1).await;
        // When its containers use three times what they asked for.
        place.cluster.set_cpu_usage(900).unwrap();
        // Then there come to be two pages and three backends, all of them on a machine.
        until_ready(&place, "frontend", 2).await;
        until_ready(&place, "backend", 3).await;
        for app in APPS {
            for pod in place.pods(app).await {
                assert_eq!(pod["status"]["phase"], "Running", "{}", name(&pod));
            }
        }
        // And the next build, for which there is hardly room, comes and has as many.
        place.upgrade("sha-2", &[]).await.unwrap();
        until_ready(&place, "backend", 3).await;
        assert_eq!(place.pods("backend").await.len(), 3);
        place.cluster.set_cpu_usage(0).unwrap();
        place.leave().await;
    });
}

#[test]
fn a_disruption_takes_one_replica_at_a_time() {
    run(async {
        // Given two backends, and machines that take no new pods.
        let place = Place::new("disruptions").await;
        let two = ["--set", "backend.autoscaling.minReplicas=2"];
        place.upgrade("sha-1", &two).await.unwrap();
        until_ready(&place, "backend", 2).await;
        for node in ["node-1", "node-2"] {
            place.cluster.kubectl(&["cordon", node]).await.unwrap();
        }
        let pods = place.pods("backend").await;
        // When one is evicted, then it goes; the other may not until there are two again.
        evict(&place, name(&pods[0])).await.unwrap();
        let said = evict(&place, name(&pods[1])).await.unwrap_err().to_string();
        assert!(
            said.contains("violate the pod's disruption budget"),
            "{said}"
        );
        for node in ["node-1", "node-2"] {
            place.cluster.kubectl(&["uncordon", node]).await.unwrap();
        }
        let gone = || async { evict(&place, name(&pods[1])).await.ok() };
        place.cluster.until("the other may go", gone).await.unwrap();
        place.leave().await;
    });
}

/// What docs/operate.md says of a restore: an install brings back no replica of what an autoscaler
/// scales, and no autoscaler begins at 0.
#[test]
fn after_a_restore_page_and_backend_are_started_by_hand() {
    run(async {
        // Given a release that has been stopped, its autoscalers gone.
        let place = Place::new("restored").await;
        place.upgrade("sha-1", &[]).await.unwrap();
        place.kubectl(&["delete", "hpa", "--all"]).await.unwrap();
        let stop = ["scale", "deployment", "--all", "--replicas=0"];
        place.kubectl(&stop).await.unwrap();
        let stopped = || async { place.pods("backend").await.is_empty().then_some(()) };
        place.cluster.until("no backend", stopped).await.unwrap();
        // When it is installed again, then only the consumers come.
        place.upgrade("sha-1", &[]).await.unwrap();
        until_ready(&place, "projector", 1).await;
        assert!(place.pods("backend").await.is_empty());
        // And the others with the command of the page.
        let start = ["scale", "deployment", "frontend", "backend", "--replicas=1"];
        place.kubectl(&start).await.unwrap();
        until_ready(&place, "frontend", 1).await;
        until_ready(&place, "backend", 1).await;
        place.leave().await;
    });
}

async fn evict(place: &Place, pod: &str) -> anyhow::Result<String> {
    let eviction = json!({
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": { "name": pod, "namespace": place.name },
    });
    let path = format!("/api/v1/namespaces/{}/pods/{pod}/eviction", place.name);
    let args = ["create", "--raw", &path, "-f", "-"];
    place
        .cluster
        .kubectl_with(&args, &eviction.to_string())
        .await
}
