//! A to-do assistant people talk to.
