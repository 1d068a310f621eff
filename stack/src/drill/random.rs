//! Chance that a seed repeats.

/// SplitMix64: small, and the same everywhere and always, which is all that is asked of it here.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// What follows from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another sequence of the same seed, such as one of many people's.
    pub fn fork(seed: u64, number: u64) -> Self {
        let mut root = Self(seed ^ number.wrapping_mul(0xA24B_AED4_963E_E407));
        Self(root.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number of `from..to`, which is not empty.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        // The slight favour for small numbers concerns nobody here.
        from + self.next() % (to - from).max(1)
    }

    /// True once in so many times.
    pub fn one_in(&mut self, many: u64) -> bool {
        self.between(0, many) == 0
    }

    /// One of them; there is at least one.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.between(0, all.len() as u64)).unwrap_or(0)]
    }

    /// Another order of the same things.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            let other = self.between(0, last as u64 + 1);
            all.swap(last, usize::try_from(other).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_all_and_people_differ() {
        let mut numbers = [Random::new(7), Random::new(7), Random::new(8)];
        let [one, same, other] = numbers.each_mut().map(|random| random.between(0, 1 << 40));
        assert_eq!(one, same);
        assert_ne!(one, other);
        let of = |person| Random::fork(7, person).between(0, 1 << 40);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn numbers_stay_within_bounds_and_reach_them() {
        let mut random = Random::new(1);
        let mut seen: Vec<u64> = (0..200).map(|_| random.between(3, 6)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [3, 4, 5]);
    }
}
