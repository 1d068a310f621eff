//! `cargo stack`.
fn main() {}
