//! Whatever a person says, the offline planner has a next step.
#![no_main]

use libfuzzer_sys::fuzz_target;
use todo_backend::assistant::{
    offline::Offline,
    planner::{Context, Planner},
};

fuzz_target!(|message: &str| {
    let now = "2026-11-23T10:00:00+01:00[Europe/Berlin]".parse();
    let context = Context {
        message,
        now: now.expect("a moment"),
        history: &[],
        outcomes: &[],
        speak: &|_| {},
    };
    let step = futures::executor::block_on(Offline.plan(context));
    step.expect("the offline planner always decides");
});
