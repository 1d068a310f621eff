//! The benchmarks can be run. What they find is for those who read it.

use std::sync::Arc;

use todo_stack::bench::{self, Benchmark, Drift, Floor, Options, Report};

use crate::world::{options, own, run};

#[test]
fn a_quick_benchmark_finds_all_that_has_a_limit_and_draws_it() {
    run(async {
        let benchmark = Benchmark::Latency;
        let stack = own(benchmark.prepared(options())).await;
        let options = Options {
            quick: true,
            progress: Arc::new(|what| println!("{what}")),
        };
        let findings = bench::run(&stack, benchmark, &options).await.unwrap();
        stack.shutdown().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let floor = Floor::measure();
        let drift = Drift {
            first: floor,
            last: floor,
        };
        let report = Report::new(benchmark, true, drift, findings).unwrap();
        println!("measured: {report}");
        report.write(folder.path()).unwrap();
        let json = std::fs::read(folder.path().join("latency.json")).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        for figure in json["figures"].as_array().unwrap() {
            assert!(figure["median"].as_f64().unwrap() > 0.0, "{figure}");
        }
        let picture = std::fs::read_to_string(folder.path().join("latency.svg")).unwrap();
        assert!(picture.contains("add_task"), "{picture}");
    });
}
