//! Every server fails in every way while two hundred people work, and all holds.

use std::time::Duration;

use todo_stack::drill::{self, CrowdOptions, Habits, Plan};

use crate::world::{options, own, run};

/// Another seed is another order of the faults; `cargo stack drill` tries others.
const SEED: u64 = 7;

#[test]
fn whatever_fails_nothing_is_lost_doubled_forked_or_shown_to_others() {
    run(async {
        // Given two hundred people at two replicas, and a model that lies
        let stack = own(drill::prepared(options())).await;
        let people = CrowdOptions {
            people: 200,
            seed: SEED,
            habits: Habits::Everything,
            pace: Duration::from_secs(2),
        };
        // When each server is killed, frozen and restarted
        let report = drill::run(&stack, &Plan::once(SEED), &people).await;
        // Then everything that must hold does
        let report = report.unwrap();
        println!("measured: {report}");
        assert!(report.violations.is_empty(), "{report}");
        assert!(report.acknowledged > 2_000, "too little was done: {report}");
        stack.shutdown().await.unwrap();
    });
}
