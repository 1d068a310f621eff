//! Integration tests on the real stack.
