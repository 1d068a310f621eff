//! The live feed of one replica: updates from Kafka go to the open pages of their user.
//!
//! Every replica reads all of `task-updates`, in a consumer group of its own that begins at the
//! newest update. The newest are kept for pages that come back with `Last-Event-ID`, whichever
//! replica they were at before; a page that cannot be told all it missed is told to read anew.
//! So is everybody whenever the sidecar begins to read, once updates are seen to come through,
//! and so are those whose updates were dropped on their way, and a person who was erased: of them
//! nothing is kept then.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
};
use bytes::Bytes;
use cloudevents::{AttributesReader, Data, Event};
use serde_json::{Value, json};
use todo_actors::{
    event::{Outgoing, Topic},
    message::valid_user_id,
    sidecar::Sidecar,
    update,
};
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};
use uuid::Uuid;

use crate::{
    consumers::{self, Delivery, EntryStatus, Verdict},
    metrics::{Counted, METRICS},
};

/// The Dapr pub/sub component with a consumer group per replica.
const PUBSUB: &str = "kafka-live";
/// How long its sidecar gathers updates, in milliseconds: somebody is looking.
const GATHERS_FOR: u32 = 40;
/// Most open connections of one user: tabs and devices.
const PER_USER: usize = 20;
/// Most open connections in all; each takes some 15 KB.
const IN_ALL: usize = 10_000;
/// Updates that may wait for one connection; a page that falls further behind is cut off.
const WAITING: usize = 64;
/// How many updates are kept for pages that come back, how many bytes of them, and how long.
const KEPT: usize = 10_000;
const KEPT_BYTES: usize = 8 << 20;
const KEPT_FOR: Duration = Duration::from_secs(300);
/// Probes that show whether updates come through: enough keys to meet every partition.
const PROBES: usize = 24;
const PROBE_TYPE: &str = "com.todo.ui.probe";
const PROBE_AGAIN: Duration = Duration::from_secs(1);
/// What a page hears when it has to read anew.
pub const RESYNC: &[u8] = b"event: resync\ndata: {}\n\n";

/// The open connections of a replica.
pub struct Hub {
    inner: Arc<Mutex<Inner>>,
    closed: AtomicBool,
    /// Names this replica's probes.
    replica: String,
    subscribed: Notify,
    probed: Notify,
}

#[derive(Default)]
struct Inner {
    open: usize,
    users: HashMap<String, Vec<mpsc::Sender<Bytes>>>,
    kept: VecDeque<Kept>,
    kept_ids: HashSet<String>,
    kept_bytes: usize,
    /// Probes that have not come back; `None` once all have.
    missing: Option<HashSet<String>>,
}

struct Kept {
    id: String,
    user_id: String,
    frame: Bytes,
    at: Instant,
}

/// An open connection's end of the feed.
pub struct Feed {
    /// What it gets first.
    pub first: Vec<Bytes>,
    /// What comes then; ends when the connection is to be closed.
    pub updates: mpsc::Receiver<Bytes>,
    _place: Place,
    _counted: Counted,
}

/// A place among all connections, given back when dropped; by then its receiver is gone.
struct Place {
    inner: Arc<Mutex<Inner>>,
    user_id: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = lock(&self.inner);
        inner.open -= 1;
        inner.tidy(&self.user_id);
    }
}

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// This user has as many as one may have.
    User,
    /// This replica has as many as it can hold, or is about to end.
    Replica,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            inner: Arc::default(),
            closed: AtomicBool::new(false),
            replica: Uuid::new_v4().simple().to_string(),
            subscribed: Notify::new(),
            probed: Notify::new(),
        }
    }
}

impl Hub {
    /// Takes a connection of a user, who has seen updates up to `last_id`.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn open(&self, user_id: &str, last_id: Option<&str>) -> Result<Feed, Full> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Full::Replica);
        }
        let mut inner = self.lock();
        if inner.open >= IN_ALL {
            return Err(Full::Replica);
        }
        let first = inner.missed(user_id, last_id);
        let connections = inner.users.entry(user_id.to_owned()).or_default();
        if connections.len() >= PER_USER {
            return Err(Full::User);
        }
        let (sender, updates) = mpsc::channel(WAITING);
        connections.push(sender);
        inner.open += 1;
        Ok(Feed {
            first,
            updates,
            _place: Place {
                inner: Arc::clone(&self.inner),
                user_id: user_id.to_owned(),
            },
            _counted: Counted::new(&METRICS.live_connections),
        })
    }

    /// How many connections are open.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.lock().open
    }

    /// Ends every connection; their pages go to another replica.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.lock().users.clear();
    }

    /// Hands an update to its user's connections. Whatever is none is left.
    pub fn tell(&self, event: &Event) {
        if event.ty() == PROBE_TYPE {
            self.probe_came(event.id());
        } else if let Some(gap) = gap(event) {
            match gap {
                Gap::Of(user_id) => self.lock().forget(user_id),
                Gap::OfEverybody => self.lock().forget_everybody(),
            }
        } else if let Some((user_id, frame)) = frame(event) {
            self.lock().tell(event.id(), user_id, &frame);
        }
    }

    /// The routes on which the sidecar delivers updates.
    pub fn router(self: &Arc<Self>, app_token: &str) -> Router {
        let hub = Arc::clone(self);
        let topics = [Topic::TaskUpdates];
        let deliver = move |bulk: consumers::Bulk| {
            let hub = Arc::clone(&hub);
            async move { hub.take(&bulk) }
        };
        let hub = Arc::clone(self);
        // The sidecar asks for subscriptions once, when it begins to read: from where, only
        // probes can tell, and what came before is missing.
        let noticed = from_fn(move |request: Request, next: Next| {
            let asked = request.uri().path() == "/dapr/subscribe";
            let hub = Arc::clone(&hub);
            async move {
                let response = next.run(request).await;
                if asked && response.status().is_success() {
                    hub.begin();
                }
                response
            }
        });
        consumers::deliveries((PUBSUB, GATHERS_FOR), &topics, app_token, deliver).layer(noticed)
    }

    fn take(&self, bulk: &consumers::Bulk) -> Vec<EntryStatus> {
        let mut incoming = bulk.incoming();
        let delivery = Delivery::of("live", bulk, &mut incoming);
        let told = incoming.into_iter().map(|incoming| {
            match &incoming.event {
                Ok(event) => self.tell(event),
                Err(error) => {
                    tracing::warn!(wrong = %error, "an update that is none was left");
                }
            }
            // Updates may be lost; nothing is worth a second delivery.
            EntryStatus {
                entry_id: incoming.entry_id,
                status: Verdict::Success,
            }
        });
        let statuses: Vec<EntryStatus> = told.collect();
        delivery.done(&statuses);
        statuses
    }

    /// The sidecar begins to read: what is kept may have a gap after it.
    fn begin(&self) {
        let mut inner = self.lock();
        inner.keep_nothing();
        inner.missing = Some((0..PROBES).map(|n| self.probe_id(n)).collect());
        drop(inner);
        self.subscribed.notify_one();
    }

    /// Sends probes whenever the sidecar begins to read, until all have come through. Never ends.
    pub async fn keep_probing(&self, sidecar: &dyn Sidecar) {
        loop {
            self.subscribed.notified().await;
            while self.lock().missing.is_some() {
                let probes: Vec<(String, Outgoing)> = (0..PROBES).map(|n| self.probe(n)).collect();
                if let Err(error) = sidecar.publish(Topic::TaskUpdates, &probes).await {
                    tracing::debug!(%error, "probes of the live feed wait for Kafka");
                }
                // All back, or time to send them again.
                let _ = tokio::time::timeout(PROBE_AGAIN, self.probed.notified()).await;
            }
            tracing::info!("the live feed is connected");
        }
    }

    fn probe_id(&self, n: usize) -> String {
        format!("probe/{}/{n}", self.replica)
    }

    fn probe(&self, n: usize) -> (String, Outgoing) {
        let id = self.probe_id(n);
        let body = json!({
            "specversion": "1.0", "id": id, "source": "backend", "type": PROBE_TYPE,
        });
        let probe = Outgoing {
            topic: Topic::TaskUpdates,
            id,
            body: body.to_string().into_bytes(),
        };
        (format!("~{n}"), probe)
    }

    fn probe_came(&self, id: &str) {
        let mut inner = self.lock();
        let Some(missing) = &mut inner.missing else {
            return;
        };
        missing.remove(id);
        if missing.is_empty() {
            inner.missing = None;
            // Those who came before this moment may have missed something.
            inner.tell_everybody(&Bytes::from_static(RESYNC));
            self.probed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    // Nothing that could panic leaves it half changed.
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    /// What a page must hear first: what it missed, or that it has to read anew.
    fn missed(&mut self, user_id: &str, last_id: Option<&str>) -> Vec<Bytes> {
        self.forget_old();
        let theirs = |kept: &&Kept| kept.user_id == user_id;
        let seen = last_id.and_then(|last| {
            let place = self.kept.iter().position(|kept| kept.id == last)?;
            theirs(&self.kept.get(place)?).then_some(place)
        });
        match seen {
            Some(place) => {
                let later = self.kept.iter().skip(place + 1).filter(theirs);
                later.map(|kept| kept.frame.clone()).collect()
            }
            None => vec![Bytes::from_static(RESYNC)],
        }
    }

    fn tell(&mut self, id: &str, user_id: &str, frame: &Bytes) {
        // Delivered twice, or published again.
        if !self.kept_ids.insert(id.to_owned()) {
            return;
        }
        self.kept_bytes += frame.len();
        self.kept.push_back(Kept {
            id: id.to_owned(),
            user_id: user_id.to_owned(),
            frame: frame.clone(),
            at: Instant::now(),
        });
        self.forget_old();
        if let Some(connections) = self.users.get_mut(user_id) {
            connections.retain(|connection| connection.try_send(frame.clone()).is_ok());
            self.tidy(user_id);
        }
    }

    /// Drops what is kept of a user, and lets their pages read anew.
    fn forget(&mut self, user_id: &str) {
        self.kept.retain(|kept| {
            let theirs = kept.user_id == user_id;
            if theirs {
                self.kept_ids.remove(&kept.id);
                self.kept_bytes -= kept.frame.len();
            }
            !theirs
        });
        if let Some(connections) = self.users.get_mut(user_id) {
            let resync = Bytes::from_static(RESYNC);
            connections.retain(|connection| connection.try_send(resync.clone()).is_ok());
            self.tidy(user_id);
        }
    }

    /// Drops what is kept of everybody, and lets all pages read anew.
    fn forget_everybody(&mut self) {
        self.keep_nothing();
        self.tell_everybody(&Bytes::from_static(RESYNC));
    }

    fn keep_nothing(&mut self) {
        self.kept.clear();
        self.kept_ids.clear();
        self.kept_bytes = 0;
    }

    /// Forgets a user's connections that are closed.
    fn tidy(&mut self, user_id: &str) {
        if let Some(connections) = self.users.get_mut(user_id) {
            connections.retain(|connection| !connection.is_closed());
            if connections.is_empty() {
                self.users.remove(user_id);
            }
        }
    }

    fn tell_everybody(&mut self, frame: &Bytes) {
        self.users.retain(|_, connections| {
            connections.retain(|connection| connection.try_send(frame.clone()).is_ok());
            !connections.is_empty()
        });
    }

    fn forget_old(&mut self) {
        while let Some(oldest) = self.kept.front() {
            let full = self.kept.len() > KEPT || self.kept_bytes > KEPT_BYTES;
            if !full && oldest.at.elapsed() < KEPT_FOR {
                return;
            }
            self.kept_bytes -= oldest.frame.len();
            self.kept_ids.remove(&oldest.id);
            self.kept.pop_front();
        }
    }
}

/// Who cannot be told all that happened, and has to read anew.
enum Gap<'e> {
    Of(&'e str),
    OfEverybody,
}

/// Whether this says that somebody was erased or that updates were dropped, and whose.
fn gap(event: &Event) -> Option<Gap<'_>> {
    let Some(Data::Json(data)) = event.data() else {
        return None;
    };
    match (event.ty(), data.get("user_id")?) {
        (update::ERASED | update::RESYNC, Value::String(user_id)) => Some(Gap::Of(user_id)),
        (update::RESYNC, Value::Null) => Some(Gap::OfEverybody),
        _ => None,
    }
}

/// Whose an update is, and what goes over the wire. `None` for what this build does not know.
fn frame(event: &Event) -> Option<(&str, Bytes)> {
    let name = match event.ty() {
        update::TASK => "task",
        update::REMINDER => "reminder",
        update::CHAT => "chat",
        _ => return None,
    };
    let Some(Data::Json(data)) = event.data() else {
        return None;
    };
    let user_id = data
        .get("user_id")?
        .as_str()
        .filter(|id| valid_user_id(id))?;
    let sequence: u64 = consumers::extension(event, "sequence")?.parse().ok()?;
    // A line break would begin a new field.
    let id = Some(event.id()).filter(|id| !id.contains(['\n', '\r', '\0']))?;
    let mut told = data.as_object()?.clone();
    told.insert("sequence".to_owned(), sequence.into());
    let data = Value::from(told);
    let frame = format!("id: {id}\nevent: {name}\ndata: {data}\n\n");
    Some((user_id, frame.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(user: &str, seq: u64) -> Event {
        serde_json::from_value(json!({
            "specversion": "1.0", "id": format!("User/{user}/{seq}/u0"), "source": "backend",
            "type": update::TASK, "sequence": seq.to_string(),
            "data": { "user_id": user, "task_id": "task-1", "change": "updated", "task": null },
        }))
        .unwrap()
    }

    /// The ids of what a connection has got and not read.
    fn got(feed: &mut Feed) -> Vec<String> {
        let mut frames = std::mem::take(&mut feed.first);
        while let Ok(frame) = feed.updates.try_recv() {
            frames.push(frame);
        }
        let texts = frames
            .iter()
            .map(|frame| std::str::from_utf8(frame).unwrap());
        texts
            .map(|text| text.lines().next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn an_update_reaches_every_tab_of_its_user_once_and_nobody_else() {
        let hub = Hub::default();
        let mut tabs = [
            hub.open("ann", None).unwrap(),
            hub.open("ann", None).unwrap(),
        ];
        let mut other = hub.open("bob", None).unwrap();
        hub.tell(&update("ann", 1));
        hub.tell(&update("ann", 1));
        for tab in &mut tabs {
            assert_eq!(got(tab), ["event: resync", "id: User/ann/1/u0"]);
        }
        assert_eq!(got(&mut other), ["event: resync"]);
        drop((tabs, other));
        assert_eq!(hub.open_count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_comes_back_gets_what_it_missed_or_reads_anew() {
        let hub = Hub::default();
        for seq in 1..=3 {
            hub.tell(&update("ann", seq));
            hub.tell(&update("bob", seq));
        }
        let back = |user, last| got(&mut hub.open(user, Some(last)).unwrap());
        let missed = ["id: User/ann/2/u0", "id: User/ann/3/u0"];
        assert_eq!(back("ann", "User/ann/1/u0"), missed);
        assert!(back("ann", "User/ann/3/u0").is_empty());
        // One that is not known, or another's
        assert_eq!(back("ann", "User/ann/9/u0"), ["event: resync"]);
        assert_eq!(back("ann", "User/bob/1/u0"), ["event: resync"]);
        // After a while nothing is kept
        tokio::time::advance(KEPT_FOR).await;
        assert_eq!(back("ann", "User/ann/1/u0"), ["event: resync"]);
        assert_eq!(hub.lock().kept_bytes, 0);
        assert!(hub.lock().kept_ids.is_empty());
    }

    #[test]
    fn of_a_person_who_was_erased_nothing_is_kept_and_their_pages_read_anew() {
        let hub = Hub::default();
        for user in ["ann", "bob"] {
            hub.tell(&update(user, 1));
        }
        let mut pages = ["ann", "bob"].map(|user| hub.open(user, None).unwrap());
        pages.iter_mut().for_each(|page| drop(got(page)));
        let mut erased = serde_json::to_value(update("ann", 2)).unwrap();
        erased["type"] = update::ERASED.into();
        hub.tell(&serde_json::from_value(erased).unwrap());
        let [ann, bob] = &mut pages;
        assert_eq!(got(ann), ["event: resync"]);
        assert!(got(bob).is_empty());
        let kept = hub.lock();
        assert!(kept.kept.iter().all(|kept| kept.user_id == "bob"));
        assert_eq!(kept.kept_ids.len(), 1);
        assert_eq!(kept.kept_bytes, kept.kept[0].frame.len());
    }

    #[test]
    fn those_whose_updates_were_dropped_read_anew_now_or_when_they_come_back() {
        for (whose, bobs) in [(Some("ann"), 0), (None, 1)] {
            let hub = Hub::default();
            for user in ["ann", "bob"] {
                hub.tell(&update(user, 1));
            }
            let mut pages = ["ann", "bob"].map(|user| hub.open(user, None).unwrap());
            pages.iter_mut().for_each(|page| drop(got(page)));
            let resync = update::resync(whose);
            hub.tell(&serde_json::from_slice(&resync.body).unwrap());
            let [ann, bob] = &mut pages;
            assert_eq!(got(ann), ["event: resync"]);
            assert_eq!(got(bob).len(), bobs);
            let back = |user| {
                let last = format!("User/{user}/1/u0");
                got(&mut hub.open(user, Some(&last)).unwrap()).len()
            };
            assert_eq!((back("ann"), back("bob")), (1, bobs));
        }
    }

    #[test]
    fn a_slow_reader_is_cut_off_and_what_is_kept_is_bounded() {
        let hub = Hub::default();
        let mut slow = hub.open("ann", None).unwrap();
        let mut quick = hub.open("ann", None).unwrap();
        for seq in 1..=KEPT as u64 + 100 {
            hub.tell(&update("ann", seq));
            got(&mut quick);
        }
        assert_eq!(hub.lock().kept.len(), KEPT);
        assert_eq!(hub.lock().kept_ids.len(), KEPT);
        assert_eq!(got(&mut slow).len(), 1 + WAITING);
        assert!(slow.updates.is_closed());
        assert!(!quick.updates.is_closed());
    }

    #[test]
    fn a_user_has_a_bounded_number_of_tabs_and_none_once_it_ends() {
        let hub = Hub::default();
        let mut tabs: Vec<Feed> = (0..PER_USER)
            .map(|_| hub.open("ann", None).unwrap())
            .collect();
        assert_eq!(hub.open("ann", None).err(), Some(Full::User));
        assert_eq!(hub.open_count(), PER_USER);
        tabs.pop();
        assert!(hub.open("ann", None).is_ok());
        hub.close();
        assert!(tabs[0].updates.is_closed());
        assert_eq!(hub.open("bob", None).err(), Some(Full::Replica));
    }

    #[test]
    fn everybody_reads_anew_once_updates_are_seen_to_come_through() {
        // Given a sidecar that begins to read
        let hub = Hub::default();
        hub.tell(&update("ann", 1));
        let mut early = hub.open("ann", None).unwrap();
        got(&mut early);
        hub.begin();
        assert_eq!(
            got(&mut hub.open("ann", Some("User/ann/1/u0")).unwrap()),
            ["event: resync"]
        );
        // When all probes have come but one, then that one too
        let probe = |n| {
            let (_, probe) = hub.probe(n);
            serde_json::from_slice::<Event>(&probe.body).unwrap()
        };
        for n in 1..PROBES {
            hub.tell(&probe(n));
        }
        assert!(got(&mut early).is_empty());
        hub.tell(&probe(0));
        // Then who was there before is told
        assert_eq!(got(&mut early), ["event: resync"]);
    }

    #[test]
    fn what_is_no_update_of_a_person_is_left() {
        let hub = Hub::default();
        for (field, wrong) in [
            ("type", json!("com.todo.ui.new")),
            ("id", json!("a\nb")),
            ("sequence", json!("x")),
            ("data", json!({"user_id": "a/b"})),
        ] {
            let mut event = serde_json::to_value(update("ann", 1)).unwrap();
            event[field] = wrong;
            hub.tell(&serde_json::from_value(event).unwrap());
        }
        assert!(hub.lock().kept.is_empty());
    }
}
