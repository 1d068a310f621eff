//! Whatever lies in the store, reading it ends, with a journal or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use todo_actors::testkit::stored::read_stored;

fuzz_target!(|bytes: &[u8]| {
    futures::executor::block_on(read_stored(bytes));
});
