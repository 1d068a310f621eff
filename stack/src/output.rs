//! What a person reads. Whoever closes the other end, as `head` does, has seen enough: `println!`
//! would panic there, and these go on.

use std::{fmt::Arguments, io::Write};

/// Prints a line.
macro_rules! say {
    ($($text:tt)*) => { $crate::output::line(&mut std::io::stdout(), format_args!($($text)*)) };
}

/// Prints a line beside the output proper.
macro_rules! complain {
    ($($text:tt)*) => { $crate::output::line(&mut std::io::stderr(), format_args!($($text)*)) };
}

/// Writes a line if anybody still reads.
pub fn line(out: &mut dyn Write, text: Arguments<'_>) {
    let _ = writeln!(out, "{text}");
}
