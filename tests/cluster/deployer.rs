//! The account of the pipeline, with the rights that docs/operate.md gives it.

use serde_json::json;

use crate::world::{EVERYTHING, Place, RELEASE, path, run};

/// The role of its own, as it stands on the page.
fn role() -> String {
    let page = std::fs::read_to_string(path("docs/operate.md")).unwrap();
    let mut texts = page.split("<<'YAML'\n").skip(1);
    let role = texts.find(|text| text.contains("\nkind: ClusterRole\n"));
    let (role, _) = role.unwrap().split_once("\nYAML\n").unwrap();
    role.to_owned()
}

#[test]
fn it_may_deliver_whatever_is_switched_on_and_nothing_elsewhere() {
    run(async {
        // Given the account, in a namespace where everything that is optional will be.
        let place = Place::new("delivery").await;
        let with_authority = json!({ "SASL_USERNAME": "u", "SASL_PASSWORD": "p", "CA_CERT": "c" });
        place.secret("kafka-secrets", &with_authority).await;
        let apply = ["apply", "-f", "-"];
        place.cluster.kubectl_with(&apply, &role()).await.unwrap();
        let make = ["create", "serviceaccount", "deployer"];
        place.kubectl(&make).await.unwrap();
        let account = format!("--serviceaccount={}:deployer", place.name);
        for role in ["admin", "deployer"] {
            let of = format!("--clusterrole={role}");
            let bind = ["create", "rolebinding", role, &of, &account];
            place.kubectl(&bind).await.unwrap();
        }
        let user = format!("system:serviceaccount:{}:deployer", place.name);
        // When it installs that, brings another build and tests it.
        let all = ["--kube-as-user", &user, "--set", EVERYTHING];
        place.upgrade("sha-1", &all).await.unwrap();
        place.upgrade("sha-2", &all).await.unwrap();
        let test = ["test", RELEASE, "--kube-as-user", &user];
        place.helm(&test).await.unwrap();
        // Then it is there.
        for (app, image) in place.images().await {
            assert!(image.ends_with(":sha-2"), "{app}: {image}");
        }
        place.get(&["prometheusrule", RELEASE]).await.unwrap();
        // And elsewhere the account may do nothing.
        let elsewhere = [
            "auth", "can-i", "get", "pods", "-n", "default", "--as", &user,
        ];
        let said = place.cluster.kubectl(&elsewhere).await;
        assert!(said.is_err(), "{said:?}");
        place.leave().await;
    });
}
