//! What goes wrong when: a function of the seed and nothing else.

use std::fmt;
use std::time::Duration;

use super::random::Random;

/// What can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// One of the replicas, without its sidecar but for a restart.
    Backend,
    /// The sidecar of one of the replicas.
    Daprd,
    /// What says where actors live.
    Placement,
    /// What keeps and fires reminders.
    Scheduler,
    /// The broker.
    Kafka,
    /// The database.
    Postgres,
    /// The stand-in for the language model.
    Model,
}

impl Target {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::Backend,
        Self::Daprd,
        Self::Placement,
        Self::Scheduler,
        Self::Kafka,
        Self::Postgres,
        Self::Model,
    ];

    /// What it is called, which is its server's name or what that begins with.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Backend => "backend",
            Self::Daprd => "daprd",
            Self::Placement => "placement",
            Self::Scheduler => "scheduler",
            Self::Kafka => "kafka",
            Self::Postgres => "postgres",
            Self::Model => crate::model::NAME,
        }
    }

    fn server(self, random: &mut Random) -> String {
        match self {
            Self::Backend | Self::Daprd => {
                let replica = random.between(1, super::REPLICAS as u64 + 1);
                format!("{}-{replica}", self.name())
            }
            _ => self.name().to_owned(),
        }
    }
}

/// What is done to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// SIGKILL, and a start after a while.
    Kill,
    /// SIGSTOP, and SIGCONT after a while.
    Freeze,
    /// SIGTERM, and a start after a while.
    Restart,
}

impl Harm {
    const ALL: [Self; 3] = [Self::Kill, Self::Freeze, Self::Restart];

    /// How long it may last.
    fn lasts(self, random: &mut Random) -> Duration {
        let (from, to) = match self {
            Self::Kill => (200, 4_000),
            Self::Freeze => (500, 6_000),
            Self::Restart => (1, 1_000),
        };
        Duration::from_millis(random.between(from, to))
    }
}

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// When, from the beginning.
    pub at: Duration,
    /// Whose.
    pub target: Target,
    /// The server's name.
    pub server: String,
    /// What.
    pub harm: Harm,
    /// How long until the server is helped up.
    pub lasts: Duration,
}

impl Fault {
    fn over(&self) -> Duration {
        self.at + self.lasts
    }
}

/// What must not have two faults at the same time: a server, or a backend with its sidecar,
/// neither of which is ready without the other.
pub(super) fn place(server: &str) -> String {
    let number = server
        .strip_prefix("backend-")
        .or_else(|| server.strip_prefix("daprd-"));
    number.map_or_else(|| server.to_owned(), |number| format!("replica {number}"))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.harm {
            Harm::Kill => "killed",
            Harm::Freeze => "frozen",
            Harm::Restart => "asked to stop",
        };
        write!(f, "{what}, for {:.1} s", self.lasts.as_secs_f32())
    }
}

/// Everything that goes wrong in one drill, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it follows from.
    pub seed: u64,
    /// The faults by their times.
    pub faults: Vec<Fault>,
    /// How long people go on; after the last fault is over there is some time left.
    pub length: Duration,
}

/// Before the first fault and after the last one.
const CALM: Duration = Duration::from_secs(5);
/// Between the end of a fault and the next one at the same place.
const RECOVERY: Duration = Duration::from_secs(2);

impl Plan {
    /// Every harm to every target once, in an order that the seed gives.
    #[must_use]
    pub fn once(seed: u64) -> Self {
        const PACE: u64 = 3_000;
        let mut random = Random::new(seed);
        let mut harms: Vec<(Target, Harm)> = Target::ALL
            .into_iter()
            .flat_map(|target| Harm::ALL.map(|harm| (target, harm)))
            .collect();
        random.shuffle(&mut harms);
        let mut plan = Self::empty(seed);
        let mut at = CALM;
        for (target, harm) in harms {
            let fault = fault(&mut random, at, target, harm);
            at = plan.push(fault) + Duration::from_millis(random.between(PACE / 2, PACE * 3 / 2));
        }
        plan.ended(at)
    }

    /// Harms to these targets, of which there is at least one, by chance for `length`. Some come
    /// while others last, so that what fails together is tried too.
    #[must_use]
    pub fn random(seed: u64, length: Duration, targets: &[Target]) -> Self {
        const PACE: u64 = 8_000;
        let mut random = Random::new(seed);
        let mut plan = Self::empty(seed);
        let mut at = CALM;
        while at + CALM < length {
            let (target, harm) = (*random.pick(targets), *random.pick(&Harm::ALL));
            let fault = fault(&mut random, at, target, harm);
            let pause = if random.one_in(4) { 500 } else { PACE };
            at = plan.push(fault) + Duration::from_millis(random.between(100, pause * 2));
        }
        plan.ended(length)
    }

    fn empty(seed: u64) -> Self {
        Self {
            seed,
            faults: Vec::new(),
            length: Duration::ZERO,
        }
    }

    /// Takes the fault in, later if its place is not ready for it, and says when it begins.
    fn push(&mut self, mut fault: Fault) -> Duration {
        let place_of = |fault: &Fault| place(&fault.server);
        let here = place_of(&fault);
        let last = self.faults.iter().rev().find(|last| place_of(last) == here);
        if let Some(last) = last {
            fault.at = fault.at.max(last.over() + RECOVERY);
        }
        let at = fault.at;
        self.faults.push(fault);
        at
    }

    fn ended(mut self, at: Duration) -> Self {
        let over = self.faults.iter().map(Fault::over).max();
        self.length = at.max(over.unwrap_or_default() + CALM);
        self
    }
}

fn fault(random: &mut Random, at: Duration, target: Target, harm: Harm) -> Fault {
    Fault {
        at,
        target,
        server: target.server(random),
        harm,
        lasts: harm.lasts(random),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn orderly(plan: &Plan) {
        assert!(plan.faults.is_sorted_by_key(|fault| fault.at));
        for (n, fault) in plan.faults.iter().enumerate() {
            assert!(fault.over() + CALM <= plan.length, "{fault:?}");
            for earlier in &plan.faults[..n] {
                if place(&earlier.server) == place(&fault.server) {
                    assert!(
                        earlier.over() + RECOVERY <= fault.at,
                        "{earlier:?} {fault:?}"
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn once_is_every_fault_once_in_two_minutes(seed: u64) {
            let plan = Plan::once(seed);
            prop_assert_eq!(&plan, &Plan::once(seed));
            orderly(&plan);
            let mut done: Vec<_> = plan.faults.iter().map(|f| (f.target, f.harm)).collect();
            done.sort_unstable();
            let all: Vec<_> = Target::ALL
                .into_iter()
                .flat_map(|target| Harm::ALL.map(|harm| (target, harm)))
                .collect();
            prop_assert_eq!(done, all);
            prop_assert!(plan.length < Duration::from_secs(150), "{:?}", plan.length);
        }

        #[test]
        fn by_chance_is_as_long_as_asked_and_keeps_to_its_targets(
            seed: u64, minutes in 1_u64..20, only in 0..Target::ALL.len(),
        ) {
            let length = Duration::from_secs(60 * minutes);
            let target = Target::ALL[only];
            let plan = Plan::random(seed, length, &[target]);
            prop_assert_eq!(&plan, &Plan::random(seed, length, &[target]));
            orderly(&plan);
            prop_assert!(plan.faults.len() as u64 >= 2 * minutes, "{}", plan.faults.len());
            prop_assert!(plan.faults.iter().all(|fault| fault.target == target));
            prop_assert!(plan.length <= length + Duration::from_secs(30));
        }
    }

    #[test]
    fn another_seed_is_another_plan() {
        assert_ne!(Plan::once(1).faults, Plan::once(2).faults);
        let length = Duration::from_secs(60);
        let random = |seed| Plan::random(seed, length, &Target::ALL).faults;
        assert_ne!(random(1), random(2));
    }

    #[test]
    fn by_chance_some_faults_meet() {
        let plan = Plan::random(3, Duration::from_secs(600), &Target::ALL);
        let meets = |pair: &[Fault]| pair[0].over() > pair[1].at;
        assert!(plan.faults.windows(2).any(meets));
    }
}
