//! `cargo stack status | head -1` ends like any other program.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::{Command, Stdio};

/// What Rust's runtime answers for a program that panicked.
const PANICKED: i32 = 101;

#[test]
fn nobody_reading_is_no_reason_to_panic() {
    for command in [&["status"][..], &["down", "--no-such-option"]] {
        // Given a program whose output and errors nobody reads
        let mut program = Command::new(env!("CARGO_BIN_EXE_todo-stack"))
            .args(command)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(program.stdout.take());
        drop(program.stderr.take());
        // Then it ends in good order, whether a stack runs here or not
        let code = program.wait().unwrap().code();
        assert!(code.is_some_and(|code| code != PANICKED), "{code:?}");
    }
}
