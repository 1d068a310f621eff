//! The local stack as a library.
