//! What several tests use, for as long as some do: servers at rest are not free.

use std::{
    mem,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{runtime::Handle, sync::Mutex};

/// How long nobody may use it before it is let go: tests come one after the other.
const KEPT_FOR: Duration = Duration::from_secs(15);

/// Made for the first test that asks, and again for one that comes long after the others.
pub struct Shared<T> {
    made: Mutex<Option<Arc<T>>>,
    leases: AtomicUsize,
}

impl<T: Send + Sync + 'static> Shared<T> {
    pub const fn new() -> Self {
        Self {
            made: Mutex::const_new(None),
            leases: AtomicUsize::new(0),
        }
    }

    /// The one that is there, or what `make` makes.
    pub async fn get(&'static self, make: impl Future<Output = T>) -> Lease<T> {
        let mut made = self.made.lock().await;
        self.leases.fetch_add(1, Ordering::Relaxed);
        let thing = match &*made {
            Some(thing) => Arc::clone(thing),
            None => Arc::clone(made.insert(Arc::new(make.await))),
        };
        Lease { thing, of: self }
    }

    /// Lets it go, unless somebody uses it or has since `leases` were given.
    async fn leave(&'static self, leases: usize) {
        let mut made = self.made.lock().await;
        let idle = made
            .as_ref()
            .is_some_and(|thing| Arc::strong_count(thing) == 1);
        if idle && self.leases.load(Ordering::Relaxed) == leases {
            *made = None;
        }
    }
}

/// A test's hold on it.
pub struct Lease<T: Send + Sync + 'static> {
    thing: Arc<T>,
    of: &'static Shared<T>,
}

impl<T: Send + Sync + 'static> Deref for Lease<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.thing
    }
}

impl<T: Send + Sync + 'static> Drop for Lease<T> {
    fn drop(&mut self) {
        if thread::panicking() {
            // Its logs are what explains a failed test.
            mem::forget(Arc::clone(&self.thing));
            return;
        }
        let (of, leases) = (self.of, self.of.leases.load(Ordering::Relaxed));
        Handle::current().spawn(async move {
            tokio::time::sleep(KEPT_FOR).await;
            of.leave(leases).await;
        });
    }
}
